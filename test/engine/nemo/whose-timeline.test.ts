import { describe, expect, it } from 'vitest';
import { filesOnTimeline, freeName } from '../../../src/engine/nemo/session/whose-timeline.ts';
import type { ServerClock } from '../../support/nemo-server/clock.ts';
import { batch } from './batch.ts';

describe('a session of several files', () => {
  it('serves words about a file under that file, also after another one used it (was: b.mp4 as a.v2.mp4)', async () => {
    const { runA, runB, rendered, server } = await batch();
    await runB();
    await runA('make it brighter');
    expect(rendered()).toEqual(['a.mp4', 'b.mp4', 'a.mp4']);
    expect(server.messages.at(-1)).toBe(
      'start over with an empty timeline and use only the file "a.mp4", which is already in this session: compress it to under 4kB; then: make it brighter; output MP4 (H.264)',
    );
    expect(server.sessions.size).toBe(1);
    expect(server.count('POST', /upload-video/)).toBe(2);
  });

  it('continues where a file left off while no other one used it', async () => {
    const { runA, rendered, server } = await batch();
    await runA('make it brighter');
    expect(rendered()).toEqual(['a.mp4', 'a.mp4']);
    expect(server.messages.at(-1)).toBe('continue with the file on the timeline, "a.mp4": make it brighter');
  });

  it('shows no other timeline as the one of a file', async () => {
    const { a, runB, timeline } = await batch();
    expect(await timeline(a)).toContain('a.mp4');
    const b = await runB();
    expect(await timeline(b)).toContain('b.mp4');
    await expect(timeline(a)).rejects.toMatchObject({
      code: 'cannot-do',
      message: expect.stringMatching(/no longer the one of a\.mp4.*b\.mp4/),
      hint: expect.stringContaining('costs credits'),
    });
  });

  it('says whose timeline it is instead (was: another file used the session since), also after edits', async () => {
    const { a, runA, runB, timeline } = await batch();
    const b = await runB();
    await expect(timeline(a)).rejects.toThrow(/now holds the timeline of b\.mp4 \(job b\)/);
    await runA('make it brighter');
    await expect(timeline(b)).rejects.toThrow(
      /^the session now holds the timeline of a\.mp4 \(job a\), no longer the one of b\.mp4: Timeline \(1 track\): 1\. Video: a\.mp4/,
    );
  });

  it('an export that it would refuse is refused at once (was: queued, then held)', async () => {
    const { a, runB, cannotExport, server } = await batch();
    expect(await cannotExport(a)).toBeUndefined();
    await runB();
    expect(await cannotExport(a)).toMatchObject({
      code: 'cannot-do',
      hint: expect.stringContaining('bring a.mp4 back'),
    });
    server.fault({ match: { path: /\/api\/state/ }, times: 9, status: 503, body: '' });
    expect(await cannotExport(a)).toBeUndefined();
  });

  it.each(['export', 'show tracks'])(
    'answers "%s" about a file that it no longer holds with why not, for free',
    async words => {
      const { runA, runB, rendered, server } = await batch();
      await runB();
      await expect(runA(words)).rejects.toMatchObject({
        code: 'cannot-do',
        message: expect.stringContaining('no longer the one of a.mp4'),
      });
      expect(rendered()).toEqual(['a.mp4', 'b.mp4']);
      expect(server.messages).toHaveLength(2);
      // The folder's session is free for the next file.
      await runB();
      expect(server.sessions.size).toBe(1);
    },
  );

  it('delivers nothing where the agent does not bring the file back', async () => {
    const { runA, runB, rendered } = await batch({ server: { lastFileOnly: true } });
    await runB();
    await expect(runA('make it brighter')).rejects.toMatchObject({ code: 'cannot-do' });
    expect(rendered()).toEqual(['a.mp4', 'b.mp4']);
  });

  it('delivers nothing where the agent stays with the file before', async () => {
    const { runB, rendered, server } = await batch();
    server.scripts.push({ about: 'a.mp4' });
    await expect(runB()).rejects.toMatchObject({
      code: 'cannot-do',
      message: expect.stringMatching(/no longer the one of b\.mp4.*a\.mp4/),
    });
    expect(rendered()).toEqual(['a.mp4']);
  });

  it('tells files of the same name apart', async () => {
    const { order, job, restart, server, rendered } = await batch();
    const engine = restart({ nemo: { session: 'per-folder' } });
    await engine.run(order({ job: 'c', folder: '/inbox' }), job({ about: 'other/a.mp4' }).context);
    expect([...server.sessions.values()].flatMap(({ files }) => files.map(({ name }) => name))).toEqual([
      'a.mp4',
      'a-2.mp4',
    ]);
    expect(rendered()).toEqual(['a.mp4', 'a-2.mp4']);
  });

  it('in which another file is half-done is left alone: the next words start over in a new one, with all edits', async () => {
    const { runA, runB, rendered, server } = await batch();
    server.scripts.push({ apply: false, events: [{ say: 'How small should it be?' }] });
    await expect(runB()).rejects.toMatchObject({ code: 'cannot-do' });
    await expect(runA('export')).rejects.toMatchObject({ code: 'cannot-do', hint: expect.stringContaining('costs') });
    expect(server.sessions.size).toBe(1);
    await runA('make it brighter');
    expect(server.sessions.size).toBe(2);
    expect(server.messages.at(-1)).toMatch(
      /^start over .*"a\.mp4": compress it to under 4kB; then: make it brighter; output MP4 \(H\.264\)$/,
    );
    expect(rendered()).toEqual(['a.mp4', 'a.mp4']);
  });
});

describe('a session that the service forgets after half an hour', () => {
  const HALF_AN_HOUR = 30 * 60_000;

  it('is not replaced by itself for further words; a new one is offered with what it costs', async () => {
    const { runA, server, job } = await batch({ server: { sessionsKeptMs: HALF_AN_HOUR }, speed: 5000 });
    await pass(server, HALF_AN_HOUR + 60_000);
    const first = job({ about: 'a', workDir: 'late' });
    await expect(runA('make it brighter', {}, first)).rejects.toMatchObject({
      code: 'session-gone',
      hint: expect.stringMatching(/uploaded again.*costs credits/),
    });
    const again = job({ about: 'a', workDir: 'late', resume: first.records });
    await expect(runA('make it brighter', {}, again)).rejects.toMatchObject({ code: 'session-gone' });
    expect(server.messages).toHaveLength(1);
    expect(server.count('POST', /upload-video/)).toBe(1);
    await runA('make it brighter', { retryCount: 1 }, job({ about: 'a', workDir: 'late', resume: first.records }));
    expect(server.count('POST', /upload-video/)).toBe(2);
    expect(server.messages.slice(1)).toEqual([
      expect.stringMatching(/"a\.mp4": compress it to under 4kB; then: make it brighter; output MP4 \(H\.264\)$/),
    ]);
  });

  it('of a job that is done leaves nothing to retry (timeline said so all the same); an export is refused at once', async () => {
    const { a, timeline, cannotExport, server } = await batch({
      server: { sessionsKeptMs: HALF_AN_HOUR },
      speed: 5000,
    });
    await pass(server, HALF_AN_HOUR + 60_000);
    const gone = {
      code: 'session-gone',
      hint: expect.stringMatching(/^There is nothing to retry.*--job job1.*costs credits/),
    };
    await expect(timeline(a)).rejects.toMatchObject(gone);
    expect(await cannotExport(a)).toMatchObject(gone);
  });

  it('is replaced by itself for the next file of the folder, which has asked for nothing there yet', async () => {
    const { runB, server, rendered } = await batch({ server: { sessionsKeptMs: HALF_AN_HOUR }, speed: 5000 });
    await pass(server, HALF_AN_HOUR + 60_000);
    await runB();
    expect(server.sessions.size).toBe(2);
    expect(server.messages).toHaveLength(2);
    expect(rendered()).toEqual(['a.mp4', 'b.mp4']);
  });
});

function pass({ clock }: { clock: ServerClock }, ms: number): Promise<void> {
  return new Promise(resolve => void clock.after(ms, resolve));
}

describe('whose timeline it is', () => {
  it('shows in names and in addresses that end in one', () => {
    const draft = JSON.stringify({
      t: [{ sg: [{ src: 'https://cdn.example/x/b%20c.mp4?sig=1' }, { name: 'aa.mp4' }] }],
    });
    expect(filesOnTimeline(draft, ['a.mp4', 'aa.mp4', 'b c.mp4', 'd.mp4'])).toEqual(['aa.mp4', 'b c.mp4']);
    expect(filesOnTimeline(JSON.stringify(draft), ['aa.mp4'])).toEqual(['aa.mp4']);
    expect(filesOnTimeline('42', ['a.mp4'])).toEqual([]);
    expect(filesOnTimeline(undefined, ['a.mp4'])).toEqual([]);
  });

  it('is said by names, so each file gets its own', () => {
    expect(freeName('clip.mp4', [])).toBe('clip.mp4');
    expect(freeName('clip.mp4', ['clip.mp4', 'clip-2.mp4'])).toBe('clip-3.mp4');
    expect(freeName('clip', ['clip'])).toBe('clip-2');
  });
});
