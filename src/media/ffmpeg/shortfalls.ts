import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { cannotWrite, type Tools } from './tools.ts';

/** Something that this ffmpeg cannot do, and that not every film needs. */
export interface Shortfall {
  said: Sentence;
  fix: Sentence;
}

/** What people's films are in. Fedora's ffmpeg-free, for one, lacks some of it. */
const USUAL_CODECS = [
  ...['h264', 'hevc', 'av1', 'vp8', 'vp9', 'mpeg2video', 'mpeg4', 'mjpeg', 'prores', 'dvvideo', 'wmv2', 'vc1'],
  ...['aac', 'mp3', 'ac3', 'eac3', 'dts', 'opus', 'vorbis', 'flac', 'pcm_s16le', 'amr_nb'],
];
const USUAL_CONTAINERS = ['matroska', 'avi', 'mpegts', 'mpeg', 'asf', 'flv', 'ogg', 'mxf', 'dv'];

/** What these tools cannot do although they suffice; for `doctor`. */
export function shortfalls({ filters, options, ...tools }: Tools): Shortfall[] {
  const found: Shortfall[] = [];
  if (!filters.has('zscale') || !filters.has('tonemap'))
    found.push({ said: say('media.short-of-hdr'), fix: say('media.short-of-hdr-fix') });
  for (const codec of ['h265', 'av1'] as const) {
    const why = cannotWrite(codec, tools);
    const fix = say('media.short-of-encoder-fix', { codec });
    if (why) found.push({ said: say('media.short-of-encoder', { codec, why }), fix });
  }
  const unreadable = [
    ...USUAL_CODECS.filter(codec => !tools.decodable.has(codec)),
    ...USUAL_CONTAINERS.filter(container => !tools.demuxers.has(container)),
  ];
  if (unreadable.length > 0) {
    const said = say('media.short-of-readers', { names: unreadable.join(', ') });
    found.push({ said, fix: say('media.short-of-readers-fix') });
  }
  if (!filters.has('bwdif')) found.push(filterMissing('bwdif', say('media.short-of-bwdif')));
  if (!filters.has('idet')) found.push(filterMissing('idet', say('media.short-of-idet')));
  // Both are of 5.1, as what its ffprobe tells of mirroring and Dolby Vision: docs/footage.md
  if (!options.has('fps_mode') || !options.has('setts_duration')) {
    found.push({ said: say('media.short-of-5-1'), fix: say('media.short-of-5-1-fix') });
  }
  if (!options.has('chunk_duration')) {
    found.push({ said: say('media.short-of-chunks'), fix: say('media.short-of-chunks-fix') });
  }
  return found;
}

function filterMissing(filter: string, said: Sentence): Shortfall {
  return { said, fix: say('media.short-of-filter-fix', { filter }) };
}
