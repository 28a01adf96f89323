import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';

/** Longest file name on common file systems, bytes. */
const MAX_NAME_BYTES = 255;

/**
 * The result's path within the outbox, `/` between its parts. A later version gets `.v2` before its extension.
 *
 * @param relative path of the source within its inbox
 * @throws ShrinkError `bad-name` for a path that would lead out of the outbox.
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
  const isOutside = [...relative.split('/'), ...parts, name].includes('..') || relative.startsWith('/');
  if (isOutside || base === '' || base === '.' || name === '' || filled.includes('\0')) {
    throw new ShrinkError('bad-name', say('rules.bad-output-name', { path: JSON.stringify(relative) }), {
      doing: 'naming the result',
      subject: relative,
      hint: say('rules.bad-output-name-hint'),
    });
  }
  const stem = name.replace(/\.mp4$/i, '');
  const ending = `${version > 1 ? `.v${version}` : ''}.mp4`;
  return [...parts, `${shortened(stem, MAX_NAME_BYTES - ending.length)}${ending}`].join('/');
}

/** Cuts a text to at most `maxBytes` of UTF-8, between characters. */
function shortened(text: string, maxBytes: number): string {
  let length = Buffer.byteLength(text);
  const characters = Array.from(text);
  while (length > maxBytes) length -= Buffer.byteLength(characters.pop() ?? '');
  return characters.join('');
}
