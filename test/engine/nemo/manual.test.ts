import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cloudRefsOf } from '../../../src/core/job.ts';
import { questionAbout } from './batch.ts';
import { setUp, onEnd } from './support.ts';

describe('beside the queue', () => {
  const never = new AbortController().signal;

  it('a timeline is shown, and a file added to it', async () => {
    const { engine, server, order, job, dir } = await setUp();
    const work = job();
    await engine.run(order(), work.context);
    const refs = cloudRefsOf(work.facts) ?? {};
    expect(await engine.timeline(questionAbout(work))).toBe(
      'Timeline (1 track): 1. Video: clip.mp4 (0-10s)\nFiles in the session: clip.mp4',
    );
    const music = join(dir, 'music.mp3');
    await writeFile(music, 'la la');
    onEnd(() => rm(music, { force: true }));
    await engine.upload({ job: 'job1', refs, isDone: true, source: music, signal: never });
    await engine.upload({ job: 'job1', refs, isDone: true, source: 'https://example.com/more.mp4', signal: never });
    expect([...server.sessions.values()][0]?.files.map(({ name }) => name)).toEqual([
      'clip.mp4',
      'music.mp3',
      'more.mp4',
    ]);
    await expect(
      engine.upload({ job: 'job1', refs, isDone: true, source: join(dir, 'notes.txt'), signal: never }),
    ).rejects.toMatchObject({
      code: 'unsupported-file',
    });
    await expect(
      engine.upload({ job: 'job1', refs, isDone: true, source: '/nope.mp4', signal: never }),
    ).rejects.toMatchObject({
      code: 'usage',
      message: 'there is no file /nope.mp4',
    });
    // Was: hung on the pipe, sent the empty file, and called the directory an illegal operation.
    execFileSync('mkfifo', [join(dir, 'pipe.mp4')]);
    await mkdir(join(dir, 'dir.mp4'));
    await writeFile(join(dir, 'empty.mp4'), '');
    const refused = [
      ['pipe.mp4', 'is not a file'],
      ['dir.mp4', 'is not a file'],
      ['empty.mp4', 'is empty'],
    ] as const;
    for (const [name, said] of refused) {
      await expect(
        engine.upload({ job: 'job1', refs, isDone: true, source: join(dir, name), signal: never }),
      ).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(said) });
    }
    for (const source of ['ftp://x.example/y.mp4', 'http://', 'file:///etc/passwd', 'https://:80/x.mp4']) {
      await expect(engine.upload({ job: 'job1', refs, isDone: true, source, signal: never })).rejects.toMatchObject({
        code: 'usage',
        message: `the service fetches from http and https addresses only, not from ${source}`,
      });
    }
    expect([...server.sessions.values()][0]?.files).toHaveLength(3);
    expect(server.messages).toHaveLength(1);
  });

  it('a job without a session says so', async () => {
    const { engine, job } = await setUp();
    await expect(engine.timeline(questionAbout(job()))).rejects.toMatchObject({ code: 'cannot-do' });
  });
});
