import type { InstructionTarget } from '../../../src/rules/instruction/parse.ts';

/** What was understood, short enough for a table: `50MB 1080p 30fps mute h265 auto`. */
export function short({ from, to, size, resolution, fps, audio, codec, quality, floor }: InstructionTarget): string {
  const moment = (seconds: number) => (seconds === Number.POSITIVE_INFINITY ? 'end' : String(seconds));
  const parts = [
    (from !== undefined || to !== undefined) &&
      `[${from === undefined ? '' : moment(from)}..${to === undefined ? '' : moment(to)}]`,
    size?.kind === 'bytes' && `${size.bytes / 1e6}MB`,
    size?.kind === 'share' && `${Number((size.share * 100).toFixed(1))}%`,
    size?.kind === 'rate' && `${size.bitsPerSecond / 1e3}kbit/s`,
    resolution === 'keep' ? 'res=keep' : resolution?.kind === 'lines' ? `${resolution.lines}p` : undefined,
    resolution !== 'keep' && resolution?.kind === 'box' ? `${resolution.width}x${resolution.height}` : undefined,
    fps === 'keep' ? 'fps=keep' : fps && `${fps}fps`,
    audio &&
      (audio.kind === 'bitrate' ? `audio=${audio.bitsPerSecond / 1000}k` : audio.kind === 'keep' ? 'sound' : 'mute'),
    codec,
    quality,
    floor && `look=${floor}`,
  ];
  return parts.filter(Boolean).join(' ');
}
