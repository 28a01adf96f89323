import { mkdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { bench } from './support.ts';

describe('a file through the cloud', () => {
  it('is uploaded, asked for, rendered, downloaded and handed over', async () => {
    const { engine, server, order, job } = await bench();
    const work = job();
    await mkdir(work.workDir);
    const candidate = await engine.run(order(), work.context);
    expect(server.messages).toEqual([
      'compress this video to under 4kB without losing quality, keep its length and content as they are, add no titles, music or effects, output MP4',
    ]);
    const [render] = [...server.renders.values()];
    expect(render).toMatchObject({ verbatim: true, status: 'completed', output: { format: 'mp4', quality: 'high' } });
    expect(await readFile(candidate.path)).toEqual(await readFile(render?.path ?? ''));
    expect(server.unattributed).toEqual([]);
    console.log(
      candidate,
      work.journal,
      work.facts,
      work.notes,
      server.requests.map(r => `${r.method} ${r.path} ${r.status}`),
    );
  });
});
