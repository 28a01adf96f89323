/** A huge result, fetched by another process: the memory of the one that serves it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, ftruncateSync, statSync, utimesSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Results } from '../../../src/api/results.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { serving, tempDir } from '../../support/serving.ts';
import { openSource } from '../../support/with-source.ts';

/** Ten with SHRINKBOX_THOROUGH: the memory is that of two. */
const GB = process.env['SHRINKBOX_THOROUGH'] ? 10 : 2;
const BYTES = GB * 1e9;

it(
  'a result of gigabytes is streamed in constant memory',
  async () => {
    const path = join(await tempDir(), 'film.mp4');
    const file = openSync(path, 'w');
    ftruncateSync(file, BYTES);
    closeSync(file);
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const delivered = { path, bytes: BYTES, ino: String(statSync(path).ino), mtimeMs: 1_700_000_000_000 };
    const results = new Results({ find: () => delivered, open: openSource, clock: systemClock });
    const { server, control } = await serving({ results, listen: { host: '127.0.0.1', port: 0 } });
    control.add({ id: 'abc', state: 'done', output: path, output_bytes: BYTES });
    const before = process.memoryUsage.rss();
    let peak = before;
    const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
    const count = `let bytes = 0; for await (const piece of process.stdin) bytes += piece.length; console.log(bytes)`;
    const url = `${server.page}api/jobs/abc/result`;
    const fetched = `const answer = await fetch(${JSON.stringify(url)}); ${count.replace('process.stdin', 'answer.body')}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', fetched], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', data => (said += data));
    await once(child, 'close');
    clearInterval(watching);
    expect(Number(said)).toBe(BYTES);
    console.log(`${GB} GB: at most ${((peak - before) / 1e6).toFixed(0)} MB more`);
    expect(peak - before).toBeLessThan(60e6);
  },
  GB * 60_000,
);
