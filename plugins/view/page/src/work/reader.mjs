/** The reader of files, `gcodec-formats`, and of it what this page asks for. */
export {
  EMBEDDINGS,
  EXTENSIONS,
  ModelError,
  body,
  content,
  embeddingName,
  isModelOf,
  modelDigest,
  modelName,
  ntcSymbols,
  openModel,
  read,
  splitCompanion,
  symbolsMatch,
} from 'gcodec-formats';
