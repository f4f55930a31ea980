/** What to do about an error, in the words of the format's own list; the names are those of spec/FORMAT.md, section 8. */

const AGAIN = 'fetch it again';
const AUTHOR = 'whatever wrote it is at fault; tell its author';
const NEWER = 'open it with a newer version of this page';

/** @type {Record<string, string>} */
const ADVICE = {
  'not-gcx': 'open a file that gcodec encode wrote',
  'text-damaged': 'transfer the original again, as binary',
  'unsupported-version': NEWER,
  'reserved-flags': `it is damaged or of a later version; ${NEWER}`,
  truncated: `it was cut short; ${AGAIN}`,
  'trailing-bytes': `it was appended to or damaged; ${AGAIN}`,
  'checksum-mismatch': `it was damaged on its way; ${AGAIN}`,
  'not-canonical': AUTHOR,
  'limit-exceeded': 'gcodec on a computer takes larger ones, where they can be trusted',
  'reserved-embedding': NEWER,
  'unknown-embedding': 'ask the sender which plugin wrote it',
  'bad-name': AUTHOR,
  'bad-extensions': AUTHOR,
  'bad-extension-value': AUTHOR,
  'unknown-required-extension': NEWER,
  'bad-segment-order': AUTHOR,
  'bad-segment': AUTHOR,
  'unknown-required-segment': NEWER,
  'bad-compression': AUTHOR,
  'bad-payload': `the picture’s data is damaged though the file is whole; ${AGAIN}`,
  'bad-model': 'it was coded with other weights than this page has; open it with gcodec decode --model',
  'too-large': 'the memory of a page is not enough; gcodec decode takes larger pictures',
  'part-missing': 'copy the whole folder of the page; gcodec view --write FOLDER makes one',
  'cannot-show': 'save the picture’s own file and open it elsewhere',
  'no-file': 'check the name after ?src=, and that the file lies beside this page',
};

/** @param {{code: string, what: string}} error one line: the name, what is wrong, what to do */
export function sentence({ code, what }) {
  const advice = ADVICE[code] ?? 'reload this page, and tell its authors if it happens again';
  return { name: code, rest: `${what}; ${advice}.` };
}
