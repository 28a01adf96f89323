import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cloudRefsOf } from '../../../src/core/job.ts';
import { setUp, onEnd } from './support.ts';

describe('beside the queue', () => {
  const never = new AbortController().signal;

  it('a timeline is shown, and a file added to it', async () => {
    const { engine, server, order, job, dir } = await setUp();
    const work = job();
    await engine.run(order(), work.context);
    const refs = cloudRefsOf(work.facts) ?? {};
    expect(await engine.timeline(refs, never)).toBe(
      'Timeline (1 track): 1. Video: clip.mp4 (0-10s)\nFiles in the session: clip.mp4',
    );
    const music = join(dir, 'music.mp3');
    await writeFile(music, 'la la');
    onEnd(() => rm(music, { force: true }));
    await engine.upload({ refs, source: music, signal: never });
    await engine.upload({ refs, source: 'https://example.com/more.mp4', signal: never });
    expect([...server.sessions.values()][0]?.files.map(({ name }) => name)).toEqual([
      'clip.mp4',
      'music.mp3',
      'more.mp4',
    ]);
    await expect(engine.upload({ refs, source: join(dir, 'notes.txt'), signal: never })).rejects.toMatchObject({
      code: 'unsupported-file',
    });
    await expect(engine.upload({ refs, source: '/nope.mp4', signal: never })).rejects.toMatchObject({
      code: 'usage',
      message: 'there is no file /nope.mp4',
    });
    expect(server.messages).toHaveLength(1);
  });

  it('a job without a session says so', async () => {
    const { engine } = await setUp();
    await expect(engine.timeline({}, never)).rejects.toMatchObject({ code: 'cannot-do' });
  });
});
