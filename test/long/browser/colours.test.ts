import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { inWorkDir, shrink } from '../../engine/local/support.ts';
import { findChromium, launch } from '../../support/browser.ts';
import { realTools } from '../../support/footage.ts';

const chromium = findChromium();

it(
  chromium ? 'untagged HD made SD-sized has the same red in a browser (242,4,9 became 222,0,9)' : 'needs a browser',
  async () => {
    // See page.test.ts: a machine without a browser passes, and .ci/run has one.
    if (chromium === undefined) return expect(findChromium()).toBeUndefined();
    await inWorkDir(async directory => {
      const { ffmpeg } = await realTools();
      const path = join(directory, 'red.mp4');
      const red = [
        '-f',
        'lavfi',
        '-i',
        'color=c=red:size=1280x720:rate=10:duration=2',
        '-f',
        'lavfi',
        '-i',
        'anoisesrc=duration=2',
      ];
      const noise = 'noise=alls=5:allf=t,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p';
      const args = [
        '-v',
        'error',
        '-nostdin',
        ...red,
        '-vf',
        noise,
        '-c:v',
        'libx264',
        '-crf',
        '10',
        '-c:a',
        'aac',
        path,
      ];
      await promisify(execFile)(ffmpeg, args);
      const target = { resolution: { kind: 'lines' as const, lines: 480 } };
      await shrink({ path }, target, async ({ candidate, after }) => {
        expect(after.video.height).toBe(480);
        const [before, result] = await colours([path, candidate.path]);
        for (const [at, value] of (result ?? []).entries())
          expect(Math.abs(value - (before?.[at] ?? 999))).toBeLessThan(6);
      });
    });
  },
);

/** The mean colour, red, green and blue, that Chromium shows of each video. */
async function colours(paths: readonly string[]): Promise<number[][]> {
  const server = createServer((request, response) => {
    const path = paths[Number(request.url?.slice(1))];
    if (path === undefined) return void response.setHeader('content-type', 'text/html').end('<!doctype html>');
    void readFile(path).then(bytes => response.setHeader('content-type', 'video/mp4').end(bytes));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const browser = await launch(chromium ?? '');
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/page`);
  const found: number[][] = [];
  for (const at of paths.keys()) found.push(await page.evaluate<number[]>(`(${IN_PAGE})(${at})`));
  return found;
}

/** Runs in the page: draws a frame of /N on a canvas of one pixel. */
const IN_PAGE = `async at => {
  const video = document.createElement('video');
  video.muted = true;
  video.src = '/' + at;
  await new Promise((resolve, reject) => {
    video.onseeked = resolve;
    video.onerror = () => reject(new Error('does not play'));
    video.onloadeddata = () => { video.currentTime = 1; };
  });
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 64, 36);
  const { data } = context.getImageData(0, 0, 64, 36);
  return [0, 1, 2].map(channel => {
    let sum = 0;
    for (let i = channel; i < data.length; i += 4) sum += data[i];
    return sum / (data.length / 4);
  });
}`;
