"""Any model of CompressAI as stage 1 of gcodec, through CompressAI itself."""
