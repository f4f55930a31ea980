"""The way data goes.

encoding   picture -> embedding -> file
decoding   file -> embedding -> signals -> adapters -> reconstructor -> picture

stage1, stage2   the two halves of a decode: a file opened, a reconstructor set up
binding          what a model gives the variables of specs their values: read this first
resolver         the cheapest adapters between what one makes and the other needs
ratecontrol      from a size to a quality
mixing           a receiver in a process of its own
inspection       what a file says about itself, without any plugin
"""
