/** A result beside its source: every difference that nobody was told of. Pure. */
import { comparePictures } from './picture.ts';
import type { Other, Seen, SeenSubtitles } from './seen.ts';
import { compareSounds } from './sound.ts';

/** The columns of the table that can be wrong. */
export type Column = 'size' | 'plays' | 'frames' | 'length' | 'sync' | 'colours' | 'channels' | 'inventory';

export interface Wrong {
  column: Column;
  text: string;
}

/** What was asked for, as far as it excuses a difference. */
export interface Asked {
  maxBytes?: number | undefined;
  words?: string | undefined;
}

export interface Compared {
  wrong: Wrong[];
  /** A few characters for each column. */
  shown: Record<Exclude<Column, 'plays' | 'size'>, string>;
}

/** Whether one of the notes speaks of something: what a person would understand from them, not which code they have. */
export type Said = (about: RegExp) => boolean;

export function compare(source: Seen, result: Seen, notes: readonly string[], asked: Asked): Compared {
  const said: Said = about => notes.some(note => about.test(note));
  const words = asked.words ?? '';
  const pictures = comparePictures(source, result, {
    said,
    fewerFrames: /fps|frames|帧/i.test(words),
    cut: /first|last|from|cut|\bto \d|秒/i.test(words),
  });
  const isMuted = /no (sound|audio)|without (sound|audio)|mute|silent|静音/i.test(words);
  const sounds = isMuted ? { wrong: [], sync: '-', channels: 'muted' } : compareSounds(source, result, said);
  const lost = [
    ...comparePlaces(source, result),
    ...compareSubtitles(source.subtitles, result.subtitles, said),
    ...compareChapters(source, result, said),
    ...compareTags(source, result, said),
    ...compareOthers(source, result, said),
  ];
  const inventory: Wrong[] = lost.map(text => ({ column: 'inventory', text }));
  const wrong = [...promises(result, asked), ...pictures.wrong, ...sounds.wrong, ...inventory];
  return {
    wrong,
    shown: {
      ...pictures.shown,
      sync: sounds.sync,
      channels: sounds.channels,
      inventory: lost.length > 0 ? `${lost.length} unsaid` : notes.length > 0 ? `${notes.length} said` : 'all kept',
    },
  };
}

function promises({ bytes, container, complaints }: Seen, { maxBytes }: Asked): Wrong[] {
  return [
    ...(maxBytes !== undefined && bytes > maxBytes
      ? [{ column: 'size', text: `${bytes} bytes, asked for at most ${maxBytes}` } as const]
      : []),
    ...(/\bmp4\b/.test(container) ? [] : [{ column: 'plays', text: `it is no MP4 but ${container}` } as const]),
    ...(complaints === ''
      ? []
      : [{ column: 'plays', text: `it does not decode: ${complaints.split('\n')[0] ?? ''}` } as const]),
  ];
}

/** The first cue of a track and all that follow, by their text and their time. */
const CUE_TOLERANCE_S = 0.2;

function compareSubtitles(before: readonly SeenSubtitles[], after: readonly SeenSubtitles[], said: Said): string[] {
  const texts = before.filter(({ cues }) => cues.length > 0);
  if (after.length < texts.length)
    return said(/subtitle/i) ? [] : [`${texts.length - after.length} of ${texts.length} subtitle tracks lost`];
  return texts.flatMap((one, n) => {
    const other = after[n] as SeenSubtitles;
    const name = `subtitles ${n + 1}`;
    if (other.language !== one.language) return [`${name}: language ${one.language} became ${other.language}`];
    const lost = one.cues.filter(
      ({ text, startS }) =>
        !other.cues.some(cue => cue.text === text && Math.abs(cue.startS - startS) < CUE_TOLERANCE_S),
    );
    const first = lost[0];
    if (!first || said(/subtitle/i)) return [];
    return [
      `${name}: ${lost.length} of ${one.cues.length} lines lost or moved, the first at ${first.startS.toFixed(2)} s`,
    ];
  });
}

function compareChapters({ chapters: before }: Seen, { chapters: after }: Seen, said: Said): string[] {
  if (said(/chapter/i)) return [];
  if (after.length < before.length) return [`${before.length} chapters became ${after.length}`];
  const lost = before.filter(title => title !== '' && !after.includes(title));
  return lost.length > 0 ? [`chapter titles lost: ${lost.slice(0, 5).join(', ')}`] : [];
}

/** Dates and places, whose names differ between containers. */
const DATE = /^(creation_time|com\.apple\.quicktime\.creationdate)$/;
const PLACE = /^(location|com\.apple\.quicktime\.location)/;

function comparePlaces({ tags: before }: Seen, { tags: after }: Seen): string[] {
  const has = (tags: Seen['tags'], name: RegExp) => Object.keys(tags).some(key => name.test(key));
  const created = Date.parse(before['creation_time'] ?? '');
  const isSameTime = Date.parse(after['creation_time'] ?? '') === Math.floor(created / 1000) * 1000;
  return [
    ...(created > 0 && !isSameTime ? [`its date ${before['creation_time']} became ${after['creation_time']}`] : []),
    ...(has(before, PLACE) && !has(after, PLACE) ? ['its place of filming is lost'] : []),
  ];
}

function compareTags({ tags: before }: Seen, { tags: after }: Seen, said: Said): string[] {
  const lost = Object.keys(before).filter(name => {
    if (DATE.test(name) || PLACE.test(name)) return false;
    return after[name] !== before[name] && !said(new RegExp(`tags .*${name.replace(/[^\w]/g, '.')}`, 'i'));
  });
  return lost.length > 0 && !said(/more than 200/) ? [`tags lost: ${lost.slice(0, 8).join(', ')}`] : [];
}

/** What is told of each where it is gone; nobody misses a mark that the picture no longer needs. */
const TOLD: Readonly<Record<Other, RegExp | 'unneeded'>> = {
  'cover art': /cover art/i,
  'another picture track': /picture track/i,
  'an attachment': /attachment/i,
  'a data track': /dropped: (?!cover|sound|subtitles|another picture)/i,
  'an empty sound track': /sound track without sound/i,
  'subtitles made of pictures': /subtitles dropped/i,
  captions: /captions/i,
  HDR: /HDR/,
  'Dolby Vision': /Dolby Vision/,
  '360 degrees': /360/,
  '3D views': /3D/,
  'a second eye': /second eye/i,
  transparency: /transparen/i,
  'a finer colour depth': /colour depth|HDR/i,
  'half-pictures': 'unneeded',
  combs: 'unneeded',
};

function compareOthers(source: Seen, result: Seen, said: Said): string[] {
  const count = ({ others }: Seen, what: Other) => others.filter(one => one === what).length;
  const lost = (Object.keys(TOLD) as Other[]).flatMap(what => {
    const gone = count(source, what) - count(result, what);
    const told = TOLD[what];
    return gone > 0 && told !== 'unneeded' && !said(told) ? [`lost without a word: ${what}`] : [];
  });
  const has = ({ others }: Seen, ...what: Other[]) => what.every(one => others.includes(one));
  // Fine patterns look like combs as well: only where the source says that it has half-pictures, combs are.
  const burnt = has(source, 'half-pictures', 'combs') && has(result, 'combs') && !has(result, 'half-pictures');
  return burnt ? [...lost, 'the combs of half-pictures are burnt into whole ones'] : lost;
}
