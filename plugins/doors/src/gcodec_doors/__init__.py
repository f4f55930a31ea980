"""gcodec in the libraries that people read pictures with; each module is one, and imports nothing of the others.

pillow        Image.open and Image.save
imageio       imread and imwrite
torch         a Dataset of folders and tars
webdataset    a handler for .decode()
numcodecs     a codec for chunks of pictures
zarr          a serializer for chunks of pictures
"""
