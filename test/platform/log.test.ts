import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createLogger, type LogOptions } from '../../src/platform/log.ts';

/** What a record looks like where it is written. */
function written(format: LogOptions['format'] | 'terminal', record: object, message: string): string {
  let text = '';
  const stream: Writable & { isTTY?: boolean; columns?: number } = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  if (format === 'terminal') Object.assign(stream, { isTTY: true, columns: 60 });
  createLogger({ level: 'debug', format: format === 'terminal' ? 'auto' : format, stream }).info(record, message);
  return text;
}

const SECRET = 'planted-5f1e0c';

describe('a log record', () => {
  it('is one line of JSON with the time and what was said', () => {
    const text = written('json', { job: 'abc', bytes: 7 }, 'file published');
    expect(JSON.parse(text)).toMatchObject({ level: 30, job: 'abc', bytes: 7, msg: 'file published' });
    expect(text.split('\n')).toHaveLength(2);
  });

  it.each(['json', 'pretty'] as const)('shows no character that acts on the terminal: %s', format => {
    const name = 'a\u009b2Jb\u202egpj.mp4 \u200b\u001b[2J\n12:00:00 INFO: a line of its own';
    const text = written(format, { file: name, note: name, notes: [name] }, `cannot read ${name}`);
    expect(text.trimEnd()).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u200b]/u);
    if (format === 'json') expect(JSON.parse(text)).toMatchObject({ file: name, notes: [name] });
    else expect(text).toContain('a\\u{9b}2Jb\\u{202e}gpj.mp4');
  });

  it('has its details below it on a terminal, and no character that acts on that', () => {
    const name = 'a\u009b2Jb\u202egpj.mp4 \u001b[2J\n12:00:00 INFO: a line of its own';
    const text = stripVTControlCharacters(written('terminal', { file: name, notes: [name] }, 'done'));
    expect(text.split('\n').length).toBeGreaterThan(2);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u200b]/u);
    expect(text).not.toMatch(/^12:00:00/m);
  });

  it('keeps the lines of a stack trace', () => {
    expect(written('pretty', { err: new Error('broken') }, 'failed').split('\n').length).toBeGreaterThan(1);
  });

  it.each<[string, object]>([
    ['a field', { token: SECRET }],
    ['a field of a field', { request: { authorization: `Bearer ${SECRET}` } }],
    ['all headers', { request: { headers: { 'x-anything': SECRET } } }],
    ['a field of an error', { err: Object.assign(new Error('refused'), { token: SECRET }) }],
    ['a field two levels down', { err: Object.assign(new Error('refused'), { request: { password: SECRET } }) }],
    ['a cookie', { answer: { cookie: SECRET } }],
  ])('never shows what is called a secret: %s', (_where, record) => {
    for (const format of ['json', 'pretty', 'terminal'] as const) {
      const text = written(format, record, 'asked');
      expect(text).toContain('asked');
      expect(text).toContain('[secret]');
      expect(text).not.toContain(SECRET);
    }
  });
});
