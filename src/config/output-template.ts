/** The syntax of `output` name templates; rules/output-name.ts fills them in. */

const PLACEHOLDERS = ['dir', 'name', 'ext', 'rule'] as const;

type Placeholder = (typeof PLACEHOLDERS)[number];

export const DEFAULT_OUTPUT = '{dir}/{name}.mp4';

/** What is wrong with a template, as the rest of a sentence, or `undefined` if it can be used. */
export function templateProblem(template: string): string | undefined {
  for (const [, word] of template.matchAll(/\{([^{}]*)\}/g)) {
    if (!isPlaceholder(word))
      return `has the unknown placeholder {${word}}; the placeholders are {dir}, {name}, {ext} and {rule}`;
  }
  const plain = template.replace(/\{[^{}]*\}/g, 'x');
  if (/[{}]/.test(plain)) return 'has an unmatched brace; placeholders are written {name}';
  if (plain.includes('\0') || /[\r\n]/.test(plain)) return 'must be one line of plain text';
  if (plain.startsWith('/')) return 'must be relative to the outbox, without a leading /';
  if (plain.split('/').includes('..')) return 'must stay inside the outbox, without ..';
  if (!template.endsWith('.mp4')) return 'must end in .mp4, because results are MP4 files';
  if (!/\{name\}/.test(template)) return 'must contain {name}, or all files of the rule would get the same name';
  if (template.split('/').some(part => part.startsWith('.'))) return 'must not make hidden files or folders';
  return undefined;
}

function isPlaceholder(word: string | undefined): word is Placeholder {
  return PLACEHOLDERS.some(known => known === word);
}
