"""`gcodec serve`: a page that encodes and decodes by a server on this machine.

    page  -- POST job: one frame -->  handler  -- one frame -->  job, a process of its own
          <-- frames until the end --          <-- frames ------

command   the options, and what is refused before anything listens
choices   what the page lets its user choose: embeddings, reconstructors, the pairs that work, options
handler   who may ask, and how much
jobs      whose turn it is, how long it takes, how it ends
job       the process: reads, encodes, decodes, measures
frames    what both sides and the page say to each other

Nothing is kept: pictures and files live in a request, its process and its answer.
"""
