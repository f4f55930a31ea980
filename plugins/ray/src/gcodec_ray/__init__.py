"""`gcodec batch --engine ray`: shards of a data set made by the nodes of a Ray cluster.

    here      the engine: is somebody at the address, is the driver still alive                `_engine`
    driver    a process of its own that speaks to Ray, which may hang or end the process        `_driver`
    node      an actor: one worker process of gcodec-batch, on whatever node has room for it    `_node`

Ray moves numbers of shards and counts of inputs, no pictures: those are read and written by the nodes themselves.
"""
