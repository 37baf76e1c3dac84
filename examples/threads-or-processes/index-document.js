/** The job: which words stand in a document, and how often; the twenty most frequent ones. */
const LENGTH = 20;

export function indexDocument({ text }) {
  const counts = new Map();
  for (const word of text.split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Array.from(counts)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, LENGTH);
}
