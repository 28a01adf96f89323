import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../src/core/errors.ts';
import type { LocalHelp } from '../../../src/engine/engine.ts';
import { setUp } from './support.ts';

/** Shrinks by cutting: this is about who is asked for what, not about video. */
function localHelp(): LocalHelp & { asked: { source: string; maxBytes: number | undefined }[] } {
  const asked: { source: string; maxBytes: number | undefined }[] = [];
  return {
    asked,
    look: () => Promise.reject(new ShrinkError('not-media', 'bytes, no video')),
    async shrink({ source: { path: source }, maxBytes, dir }) {
      asked.push({ source, maxBytes });
      const bytes = Math.min((await stat(source)).size, maxBytes ?? 100);
      const path = join(dir, 'shrunk.mp4');
      await writeFile(path, (await readFile(source)).subarray(0, bytes));
      return { path, bytes, how: 'two passes' };
    },
    async split({ source: { path: source }, maxBytes, dir }) {
      const whole = await readFile(source);
      const parts: string[] = [];
      for (let at = 0; at < whole.length; at += maxBytes) {
        parts.push(join(dir, `../piece-${parts.length}.mp4`));
        await writeFile(parts.at(-1) ?? '', whole.subarray(at, at + maxBytes));
      }
      return parts;
    },
    async join({ sources, path }) {
      await writeFile(path, Buffer.concat(await Promise.all(sources.map(source => readFile(source)))));
    },
  };
}

describe('a render over the size asked for', () => {
  it('is asked for once more in the same session, and that one is taken when it fits', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ oversize: true });
    const candidate = await engine.run(order(), job().context);
    expect(candidate.bytes).toBeLessThanOrEqual(4000);
    expect(server.sessions.size).toBe(1);
    expect(server.messages).toHaveLength(2);
    expect(server.messages[1]).toMatch(
      /^the exported video is 8\.10 kB, which is too large: compress it to under 4kB \(at most 4000 bytes\)/,
    );
    expect(candidate.how).toContain('asked twice for the size');
  });

  it('is not even fetched the first time', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ oversize: true });
    const work = job();
    await engine.run(order(), work.context);
    expect([...server.renders.values()].map(({ bytes }) => bytes)).toEqual([8096, 2048]);
    expect(work.records['result.1']).toMatchObject({ bytes: 8096, have: false });
    expect(server.fetches.filter(({ path }) => path.includes([...server.renders.keys()][0] ?? 'x'))).toHaveLength(1);
  });

  it('is noticed also when nobody said beforehand how large it is', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ oversize: true });
    // Without a length in the answer's head.
    server.fetchFaults.add({ match: { path: /render-result/ }, truncated: 1e9 });
    const work = job();
    const candidate = await engine.run(order(), work.context);
    expect(work.records['result.1']).toMatchObject({ bytes: 8096, have: false });
    expect(candidate.bytes).toBe(2048);
    expect(server.messages).toHaveLength(2);
  });

  it('twice is left to a person, never delivered', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ oversize: true }, { oversize: true });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'cannot-fit',
      hint: expect.stringContaining('fallback: local'),
    });
    expect(server.messages).toHaveLength(2);
  });

  it('twice is made to fit on this machine where the rule says so, from the render and not from the source', async () => {
    const local = localHelp();
    const { server, restart, order, job } = await setUp();
    server.scripts.push({ oversize: true }, { oversize: true });
    const candidate = await restart({ local }).run(order({ fallback: 'local' }), job().context);
    expect(local.asked).toEqual([{ source: expect.stringMatching(/result-2\.mp4$/), maxBytes: 4000 }]);
    expect(candidate).toMatchObject({
      bytes: 4000,
      expect: { maxBytes: 4000 },
      how: expect.stringContaining('made to fit on this machine (two passes)'),
    });
  });

  it.each([
    ['the agent only talks', { apply: false, events: [{ say: 'It cannot be smaller.' }] }],
    ['credits are gone', { refuse: { status: 402, body: '{"code":2001}' } }],
    ['nobody knows what became of the second message', { apply: false, events: [], end: 'cut' as const }],
  ])('is made to fit on this machine when %s', async (_, second) => {
    const local = localHelp();
    const { server, restart, order, job } = await setUp({ speed: 1500 });
    server.scripts.push({ oversize: true }, second);
    const candidate = await restart({ local }).run(order({ fallback: 'local' }), job().context);
    expect(local.asked).toEqual([{ source: expect.stringMatching(/result-1\.mp4$/), maxBytes: 4000 }]);
    expect(candidate.bytes).toBe(4000);
  });

  it('is made to fit on this machine when the second render fails', async () => {
    const local = localHelp();
    const { server, restart, order, job } = await setUp();
    server.scripts.push({ oversize: true });
    // Not the n-th answer about a render: a busy machine asks about the first one more than once.
    server.failRendersFrom = 2;
    const candidate = await restart({ local }).run(order({ fallback: 'local' }), job().context);
    expect(local.asked).toEqual([{ source: expect.stringMatching(/result-1\.mp4$/), maxBytes: 4000 }]);
    expect(candidate.bytes).toBe(4000);
  });

  it('whose follow-up has no credits waits for them where this machine may not help', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ oversize: true }, { refuse: { status: 402, body: '{"code":2001}' } });
    const work = job({ workDir: 'w' });
    await expect(engine.run(order(), work.context)).rejects.toMatchObject({ code: 'out-of-credits' });
    const candidate = await engine.run(order(), job({ workDir: 'w', resume: work.records }).context);
    expect(candidate.bytes).toBe(2048);
    expect(server.messages).toHaveLength(2);
  });

  it('is fine where no size was asked for', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ oversize: true });
    const target = { audio: { kind: 'keep' as const }, quality: 'auto' as const, minSaving: 0 };
    const candidate = await engine.run(order({ target }), job().context);
    expect(candidate.expect.maxBytes).toBeUndefined();
    expect(server.messages).toHaveLength(1);
  });
});

describe('a source over the upload limit', () => {
  const small = { maxUpload: 2000 };

  it('is held, with what to do', async () => {
    const { server, restart, order, job } = await setUp();
    await expect(restart({ nemo: { ...small, oversize: 'hold' } }).run(order(), job().context)).rejects.toMatchObject({
      code: 'file-too-large',
    });
    expect(server.count('POST', /upload/)).toBe(0);
  });

  it('is compressed here', async () => {
    const local = localHelp();
    const { server, restart, order, job, source } = await setUp();
    const candidate = await restart({ local, nemo: { ...small, oversize: 'local' } }).run(order(), job().context);
    expect(local.asked).toEqual([{ source, maxBytes: 4000 }]);
    expect(candidate.how).toBe(
      'compressed on this machine, because 5.00 kB is more than the service accepts (2.00 kB): two passes',
    );
    expect(server.count('POST', /upload|run_sse/)).toBe(0);
    expect(candidate.madeHere).toBe(true);
  });

  it('is compressed here just enough to be sent, where words ask for more than a size', async () => {
    const local = localHelp();
    const { server, restart, order, job } = await setUp();
    const candidate = await restart({ local, nemo: { ...small, oversize: 'local' } }).run(
      order({ instruction: 'add a title' }),
      job().context,
    );
    expect(local.asked.map(({ maxBytes }) => maxBytes)).toEqual([1940]);
    expect([...server.sessions.values()][0]?.files).toMatchObject([{ name: 'clip.mp4', bytes: 1940 }]);
    expect(server.messages).toEqual(['add a title; under 4kB, output MP4 (H.264)']);
    expect(candidate.notes[0]).toBe('made smaller on this machine before uploading: 5.00 kB to 1.94 kB');
    // What is delivered came from the service.
    expect(candidate.madeHere).toBeUndefined();
  });

  it('by the service’s own count is compressed here as well', async () => {
    const local = localHelp();
    const { restart, order, job, source } = await setUp({ server: { maxUploadBytes: 1000 } });
    const candidate = await restart({ local, nemo: { oversize: 'local' } }).run(order(), job().context);
    expect(local.asked).toEqual([{ source, maxBytes: 4000 }]);
    expect(candidate.bytes).toBe(4000);
  });

  it('is sent in parts, each with a session and a share of the size, and joined', async () => {
    const local = localHelp();
    const { server, restart, order, job } = await setUp({ server: { tinyBytes: 800 } });
    const work = job();
    const candidate = await restart({ local, nemo: { ...small, oversize: 'split' } }).run(order(), work.context);
    expect(server.sessions.size).toBe(3);
    expect([...server.sessions.values()].map(({ files }) => files[0]?.bytes)).toEqual([1940, 1940, 1120]);
    expect(server.messages.map(text => /under (\S+)/.exec(text)?.[1])).toEqual(
      ['1.5kB', '1.5kB', '887 bytes'].map(size => size.split(' ')[0]),
    );
    expect(candidate.bytes).toBe(2400);
    expect(candidate.expect).toMatchObject({ maxBytes: 4000 });
    expect(work.facts['nemo session']).toBeUndefined();
  });

  it('sent in parts continues after a stop with the unfinished parts', async () => {
    const local = localHelp();
    const { server, restart, order, job } = await setUp({ server: { tinyBytes: 800 } });
    const engine = restart({ local, nemo: { ...small, oversize: 'split' } });
    server.scripts.push({}, { refuse: { status: 402, body: '{"code":2001}' } });
    const first = job({ workDir: 'w' });
    await expect(engine.run(order(), first.context)).rejects.toMatchObject({ code: 'out-of-credits' });
    await restart({ local, nemo: { ...small, oversize: 'split' } }).run(
      order(),
      job({ workDir: 'w', resume: first.records }).context,
    );
    expect(server.sessions.size).toBe(3);
    expect([...server.sessions.values()].map(({ messages }) => messages.length)).toEqual([1, 1, 1]);
  });
});
