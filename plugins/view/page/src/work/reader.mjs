/** The reader of files, `gcodec-formats`, and of it what this page asks for. */
export { EMBEDDINGS, EXTENSIONS, content, embeddingName, read, splitCompanion } from 'gcodec-formats';
export function ntcPayload() { throw new Error('not yet'); }
export function restoredFile() { throw new Error('not yet'); }
