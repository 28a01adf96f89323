import { runChild } from '../../platform/process/run-child.ts';
import { quiet } from './args.ts';
import type { Tools } from './tools.ts';

/** Where the encoders name their build in what they write. */
const SIGNATURES: Readonly<Record<string, { format: string; build: RegExp }>> = {
  libx264: { format: 'h264', build: /x264 - core (\d+)/ },
  libx265: { format: 'hevc', build: /x265 \(build (\d+)\)/ },
};

/**
 * The builds of the encoders this ffmpeg has, by their names, as a second of test picture tells. One that fails at it is left out: it
 * would fail at films, too.
 */
export async function encoderBuilds(tools: Tools, signal?: AbortSignal): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [encoder, { format, build }] of Object.entries(SIGNATURES)) {
    if (!tools.encoders.has(encoder)) continue;
    const args = [
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=128x128:rate=10:duration=1',
      '-c:v',
      encoder,
      '-pix_fmt',
      'yuv420p',
    ];
    const { stdout } = await runChild({
      command: tools.ffmpeg,
      args: [...quiet(), '-nostdin', ...args, '-f', format, 'pipe:1'],
      doing: `trying ${encoder}`,
      timeoutMs: 60_000,
      signal,
    }).catch(() => ({ stdout: '' }));
    const number = build.exec(stdout)?.[1];
    if (number !== undefined) found[encoder] = number;
  }
  if (tools.svtAv1 !== undefined) found['libsvtav1'] = tools.svtAv1.replaceAll(/[^A-Za-z0-9._+-]/g, '');
  return found;
}
