/** Text that means something to JavaScript, to a database, or to nobody. */
export const oddNames = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  "Robert'); DROP TABLE messages;--",
  '"quoted" and `quoted` \\ or not',
  '100% _real_',
  '{"json": [null]}',
  '🦄 gemüse',
  'x'.repeat(255),
  '..',
  'NULL',
  '0',
]

/** The same, and some that is longer than what an index of a database may hold of a column. */
export const oddTexts = [...oddNames, 'long '.repeat(2_000)]
