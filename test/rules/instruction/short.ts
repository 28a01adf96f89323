import type { InstructionTarget } from '../../../src/rules/instruction/parse.ts';

/** What was understood, short enough for a table: `50MB 1080p 30fps mute h265 auto`. */
export function short({ size, resolution, fps, audio, codec, quality }: InstructionTarget): string {
  const parts = [
    size && (size.kind === 'bytes' ? `${size.bytes / 1e6}MB` : `${Number((size.share * 100).toFixed(1))}%`),
    resolution === 'keep' ? 'res=keep' : resolution?.kind === 'lines' ? `${resolution.lines}p` : undefined,
    resolution !== 'keep' && resolution?.kind === 'box' ? `${resolution.width}x${resolution.height}` : undefined,
    fps === 'keep' ? 'fps=keep' : fps && `${fps}fps`,
    audio &&
      (audio.kind === 'bitrate' ? `audio=${audio.bitsPerSecond / 1000}k` : audio.kind === 'keep' ? 'sound' : 'mute'),
    codec,
    quality,
  ];
  return parts.filter(Boolean).join(' ');
}
