"""Classical codecs as stage 1 of gcodec: JPEG, WebP, AVIF and JPEG XL without the headers that a GCX file repeats."""
