import { ShrinkError } from '../core/errors.ts';

/** Bytes a name may have on the file systems in use. */
const NAME_MAX = 255;

/**
 * The result's path within the outbox, `/` between its parts. A later version gets `.v2` before its extension.
 *
 * @param relative path of the source within its inbox
 * @throws ShrinkError `bad-name` for a path that would leave the outbox.
 */
export function outputFor(template: string, relative: string, rule: string, version = 1): string {
  const slash = relative.lastIndexOf('/');
  const base = relative.slice(slash + 1);
  const link = /\.url\.txt$/i.exec(base);
  const dot = link ? link.index : base.lastIndexOf('.');
  const values: Readonly<Record<string, string>> = {
    dir: relative.slice(0, Math.max(0, slash)),
    name: dot > 0 ? base.slice(0, dot) : base,
    ext: dot > 0 ? base.slice(dot + 1) : '',
    rule,
  };
  const filled = template.replace(/\{(\w+)\}/g, (whole, word: string) => values[word] ?? whole);
  const parts = filled.split('/').filter(part => part !== '' && part !== '.');
  const name = parts.pop() ?? '';
  const leaves = [...relative.split('/'), ...parts, name].includes('..') || relative.startsWith('/');
  if (leaves || base === '' || base === '.' || name === '' || filled.includes('\0')) {
    throw new ShrinkError('bad-name', `${JSON.stringify(relative)} does not give a name within the outbox`, {
      doing: 'naming the result',
      subject: relative,
      hint: 'Rename the file, or change the output template of the rule.',
    });
  }
  const stem = name.replace(/\.mp4$/i, '');
  const ending = `${version > 1 ? `.v${version}` : ''}.mp4`;
  return [...parts, `${shortened(stem, NAME_MAX - ending.length)}${ending}`].join('/');
}

/** At most so many bytes of UTF-8, cut between characters. */
function shortened(text: string, maxBytes: number): string {
  let length = Buffer.byteLength(text);
  const signs = Array.from(text);
  while (length > maxBytes) length -= Buffer.byteLength(signs.pop() ?? '');
  return signs.join('');
}
