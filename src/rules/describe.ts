import { formatResolution, type Target } from '../core/target.ts';
import { formatBytes } from '../core/units.ts';

/** `at most 50 MB, 1080p, no sound`; a sentence fragment for people. */
export function describeTarget(target: Partial<Target>): string {
  const parts = [
    target.size ? describeSize(target.size) : 'as small as it stays visually lossless',
    target.resolution && formatResolution(target.resolution),
    target.fps && `at most ${target.fps} fps`,
    target.audio && target.audio.kind !== 'keep' && describeAudio(target.audio),
    target.codec && CODECS[target.codec],
    target.quality === 'max' && 'best quality',
  ];
  return parts.filter(part => typeof part === 'string').join(', ');
}

const CODECS = { h264: 'H.264', h265: 'H.265', av1: 'AV1' };

export function describeSize(size: NonNullable<Target['size']>): string {
  if (size.kind === 'share') return `at most ${Number((size.share * 100).toFixed(1))}% of the original`;
  return `at most ${sizeInWords(size.bytes)}`;
}

/** As it was written, where that was a round number: `10 MiB`, `50 MB`. */
function sizeInWords(bytes: number): string {
  for (const [unit, factor] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
  ] as const) {
    if (bytes % factor === 0) return `${bytes / factor} ${unit}`;
  }
  return formatBytes(bytes).replace(/\.0+(?= )|(\.\d*?)0+(?= )/, '$1');
}

export function describeAudio(audio: Target['audio']): string {
  if (audio.kind === 'mute') return 'no sound';
  return audio.kind === 'keep' ? 'sound as it is' : `sound at ${audio.bitsPerSecond / 1000} kb/s`;
}
