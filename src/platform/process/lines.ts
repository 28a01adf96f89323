import { StringDecoder } from 'node:string_decoder';

/** By default, longer lines are cut, in characters: a child that prints no line breaks must not fill our memory. */
const MAX_LINE = 64_000;

/** Calls back for every line of a stream; a carriage return ends a line too. Listeners must not throw. */
export function collectLines(
  stream: NodeJS.ReadableStream,
  onLine: (line: string) => void,
  maxChars: number = MAX_LINE,
): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const parts = (rest + decoder.write(chunk)).split(/[\r\n]/);
    rest = (parts.pop() ?? '').slice(0, maxChars);
    for (const part of parts) if (part !== '') onLine(part.slice(0, maxChars));
  });
  stream.on('end', () => {
    const last = rest + decoder.end();
    rest = '';
    if (last !== '') onLine(last);
  });
  // A broken pipe shows as the end of the child.
  stream.on('error', () => {});
}

/** Keeps the last lines, at most `maxChars` characters of them; control characters become spaces. */
export class TailOfLines {
  readonly #maxChars: number;
  readonly #lines: string[] = [];
  #chars = 0;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  add(line: string): void {
    const clean = line.slice(0, 1_000).replace(/\p{Cc}/gu, ' ');
    this.#lines.push(clean);
    this.#chars += clean.length + 1;
    while (this.#chars > this.#maxChars && this.#lines.length > 1) {
      this.#chars -= (this.#lines.shift() ?? '').length + 1;
    }
  }

  text(): string {
    return this.#lines.join('\n');
  }
}
