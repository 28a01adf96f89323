import { StringDecoder } from 'node:string_decoder';

/** Longest line that is handed over whole, in characters; a child that prints no line breaks must not fill our memory. */
const MAX_LINE = 64_000;

/** Calls back for every line of a stream; a carriage return ends a line too. Listeners must not throw. */
export function collectLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const parts = (rest + decoder.write(chunk)).split(/[\r\n]/);
    rest = (parts.pop() ?? '').slice(0, MAX_LINE);
    for (const part of parts) if (part !== '') onLine(part.slice(0, MAX_LINE));
  });
  stream.on('end', () => {
    const last = rest + decoder.end();
    rest = '';
    if (last !== '') onLine(last);
  });
  // A broken pipe is seen by its consequence, the end of the child.
  stream.on('error', () => {});
}

/** Keeps the last lines, at most `maxChars` characters of them; control characters become spaces. */
export function tailOfLines(maxChars: number): { add(line: string): void; text(): string } {
  const lines: string[] = [];
  let size = 0;
  return {
    add(line) {
      const clean = line.slice(0, 1_000).replace(/\p{Cc}/gu, ' ');
      lines.push(clean);
      size += clean.length + 1;
      while (size > maxChars && lines.length > 1) size -= (lines.shift() ?? '').length + 1;
    },
    text: () => lines.join('\n'),
  };
}
