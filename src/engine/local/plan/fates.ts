/** What becomes of everything a source holds, on the way that was chosen. Pure. docs/footage.md is made from this table. */
import { type Fate, type Holding, type Item, type Kind, notesOf, type Planned } from '../../../core/inventory.ts';
import type { AudioTrack, MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import type { Target } from '../../../core/target.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import { CHAPTERS_BEFORE } from '../../../media/inventory/marks.ts';
import { colourValue } from '../../../media/inventory/picture.ts';
import { PRIMING_S, soundValue, subtitlesValue } from '../../../media/inventory/tracks.ts';
import { say } from '../../../messages/say.ts';
import { MAX_CHAPTERS } from '../tuning.ts';
import type { SoundPlan } from './audio.ts';
import type { Codec } from './crf.ts';
import { CODEC_NAMES } from './presets.ts';
import type { CopyChoice } from './strategy.ts';
import { lostAtEnd, soundLead, soundStart } from './timeline.ts';
import type { PicturePlan } from './video.ts';

/** The way a source goes, as far as it decides what becomes of its parts. */
export type Route = {
  facts: MediaFacts;
  target: Pick<Target, 'audio'>;
  tools: Pick<Tools, 'options'>;
} & (
  | { way: 'copy'; copy: Pick<CopyChoice, 'sound' | 'subtitles' | 'dropped'> }
  | {
      way: 'encode';
      codec: Codec;
      picture: Pick<PicturePlan, 'width' | 'height' | 'fps' | 'colors'>;
      sound: Pick<SoundPlan, 'tracks' | 'subtitles' | 'dropped' | 'spoiled'>;
    }
);

type Decide = (item: Item, route: Route) => Fate;

const KEPT: Fate = { kind: 'kept' };

function gone(how: Sentence, note?: Sentence): Fate {
  return { kind: 'converted', into: [], how, note };
}

function leftOut(note: Sentence): Fate {
  return { kind: 'left-out', note };
}

/** A track that this MP4 has no place for. */
const dropped: Decide = ({ what }) => leftOut(say('local.track-dropped', { track: what }));

/** A copy keeps it; `encoded` decides otherwise. */
function keptByCopy(encoded: (item: Item, route: Extract<Route, { way: 'encode' }>) => Fate): Decide {
  return (item, route) => (route.way === 'copy' ? KEPT : encoded(item, route));
}

const FATES: Readonly<Record<Kind, Decide>> = {
  picture: keptByCopy(({ kind }, { codec }) => ({
    kind: 'converted',
    into: [{ kind, value: CODEC_NAMES[codec] }],
    how: say('local.becomes', { what: CODEC_NAMES[codec] }),
  })),
  sound: (item, route) => (route.way === 'copy' ? copiedSound(item, route) : encodedSound(item, route)),
  // Where it is cut off after all, the sound's own fate says so.
  'early-sound': ({ track }, route) => {
    const heard: readonly { index: number }[] = route.way === 'copy' ? route.copy.sound : route.sound.tracks;
    return heard.some(({ index }) => index === track) ? KEPT : gone(say('local.becomes-cut-off'));
  },
  subtitles,
  captions: keptByCopy((_, { codec, picture, facts }) => {
    if (codec !== 'h264') return leftOut(say('local.captions-not-in-codec', { codec }));
    if (picture.fps !== undefined) return leftOut(say('local.captions-need-every-frame'));
    // Whether the part has any, only its result shows.
    return facts.window ? gone(say('local.becomes-those-of-part')) : KEPT;
  }),
  cover: dropped,
  'second-picture': dropped,
  attachment: dropped,
  data: dropped,
  'empty-track': (item, route) =>
    route.facts.window ? leftOut(say('local.track-not-in-part', { track: item.what })) : dropped(item, route),
  'track-title': () => ({ kind: 'converted', into: [], how: say('local.becomes-handler') }),
  chapters: ({ value, what }, { facts: { chapters } }) => {
    if (value === CHAPTERS_BEFORE) return leftOut(say('local.track-dropped', { track: what }));
    return chapters > MAX_CHAPTERS ? leftOut(say('local.chapters-dropped', { chapters, most: MAX_CHAPTERS })) : KEPT;
  },
  date: () => KEPT,
  place: () => KEPT,
  tags: (item, { facts }) =>
    hasVendorTags(facts) || inMp4(item.value, facts) ? KEPT : leftOut(say('local.tags-dropped', { names: item.value })),
  rotation: keptByCopy(() => gone(say('local.becomes-upright'))),
  mirroring: keptByCopy(() => gone(say('local.becomes-upright'))),
  'sample-aspect': keptByCopy(() => gone(say('local.becomes-square'))),
  // Never copied: plan/strategy.ts
  shapes: keptByCopy(({ what }, { picture: { width, height } }) =>
    gone(say('local.becomes-one-shape', { width, height }), say('local.shapes-fitted', { what, width, height })),
  ),
  range: keptByCopy(() => gone(say('local.becomes-limited-range'))),
  colour: keptByCopy(({ kind, value }, { picture }) => {
    const into = writtenColour(picture.colors);
    if (into === value) return KEPT;
    return { kind: 'converted', into: into ? [{ kind, value: into }] : [], how: say('local.becomes', { what: into }) };
  }),
  depth: keptByCopy(({ value }, { facts }) =>
    gone(
      say('local.becomes-8-bits'),
      facts.video.hdr === 'sdr' ? say('local.depth-reduced', { depth: value }) : undefined,
    ),
  ),
  hdr: keptByCopy(({ kind, value }, { picture }) => {
    const hdr = value === 'pq' ? 'PQ' : 'HLG';
    if (writtenTag(picture.colors, '-color_trc') === 'bt709')
      return gone(say('local.becomes-sdr'), say('local.hdr-to-sdr', { hdr }));
    return {
      kind: 'converted',
      into: [{ kind, value }],
      how: say('local.becomes-8-bits'),
      note: say('local.hdr-kept'),
    };
  }),
  'dolby-vision': dolbyVision,
  projection: ({ value, what }) =>
    WRITABLE_PROJECTIONS.has(value) ? KEPT : leftOut(say('local.mark-dropped', { what })),
  stereo: ({ value, what }) => (WRITABLE_VIEWS.has(value) ? KEPT : leftOut(say('local.mark-dropped', { what }))),
  'second-eye': () => leftOut(say('local.second-eye-dropped')),
  alpha: () => leftOut(say('local.alpha-dropped')),
  interlacing: (_, { way }) =>
    way === 'copy'
      ? { kind: 'kept', note: say('local.interlaced-kept') }
      : gone(say('local.becomes-progressive'), say('local.deinterlaced')),
  cadence: (_, route) =>
    route.way === 'encode' && route.picture.fps !== undefined
      ? gone(say('local.becomes-fewer-frames', { fps: route.picture.fps }))
      : KEPT,
  'last-picture': keptByCopy((_, { facts, tools }) => {
    const { seconds, shows } = lostAtEnd(facts, tools);
    return shows ? leftOut(say('local.last-picture-shorter', { seconds })) : KEPT;
  }),
  'hidden-frames': keptByCopy(() => gone(say('local.becomes-cut-off'))),
  unread: ({ what }) => leftOut(say('local.unread-left-out', { what })),
};

/** Everything the source holds, each with its fate. */
export function planInventory(route: Route): Planned[] {
  return route.facts.inventory.map(item => ({ item, fate: FATES[item.kind](item, route) }));
}

/** The notes of a plan; those on tags make one. */
export function planNotes(plan: readonly Planned[]): Sentence[] {
  const isLostTag = ({ item, fate }: Planned) => item.kind === 'tags' && fate.kind === 'left-out';
  const names = plan.filter(isLostTag).map(({ item }) => item.value);
  const others = notesOf(plan.filter(planned => !isLostTag(planned)));
  return names.length === 0 ? others : [...others, say('local.tags-dropped', { names: names.join(', ') })];
}

/** Lines for `explain`: what is kept, what becomes something else, and every note. */
export function describeInventory(plan: readonly Planned[]): Sentence[] {
  const kept = plan.filter(({ item, fate }) => fate.kind === 'kept' && item.kind !== 'picture');
  const converted = plan.flatMap(({ item: { kind, what }, fate }) =>
    fate.kind === 'converted' && !fate.note && kind !== 'picture'
      ? say('local.item-becomes', { what, how: fate.how })
      : [],
  );
  return [
    ...(kept.length > 0 ? [say('local.explain-kept', { items: kept.map(({ item }) => item.what) })] : []),
    ...(converted.length > 0 ? [say('local.explain-converted', { items: converted })] : []),
    ...planNotes(plan),
    ...plan.flatMap(({ fate }) => (fate.kind === 'refused' ? fate.why : [])),
  ];
}

function copiedSound(item: Item, route: Extract<Route, { way: 'copy' }>): Fate {
  const { copy, facts } = route;
  const copied = copy.sound.find(({ index }) => index === item.track);
  if (!copied) return missingTrack(item, route);
  if (copied.how === 'copy') return KEPT;
  const source = facts.audio.find(({ index }) => index === item.track);
  return intoAac(source, copied.channels, { startS: item.startS });
}

function encodedSound(item: Item, route: Extract<Route, { way: 'encode' }>): Fate {
  const { sound, facts } = route;
  const planned = sound.tracks.find(({ index }) => index === item.track);
  if (!planned) return missingTrack(item, route);
  const { startS, endS } = item;
  const leadS = soundLead(facts, planned.index);
  const cutS = -soundStart(facts, planned.index) - leadS;
  const note = cutS > PRIMING_S ? say('local.sound-cut-before', { seconds: cutS, kept: leadS }) : undefined;
  if (planned.how === 'copy') {
    const as = { startS: startS === undefined ? undefined : Math.max(-leadS, startS) };
    if (!note) return { kind: 'kept', as };
    return { kind: 'converted', into: [{ kind: 'sound', value: item.value, endS, ...as }], how: note, note };
  }
  const source = facts.audio.find(({ index }) => index === item.track);
  // Where damaged sound ends, nobody knows. A silence after the first picture is filled.
  if (sound.spoiled) return intoAac(source, planned.channels, { startS: -leadS }, say('local.sound-spoiled'));
  return intoAac(source, planned.channels, { startS: -leadS, endS }, note);
}

function intoAac(
  source: AudioTrack | undefined,
  channels: number,
  times: Pick<Holding, 'startS' | 'endS'>,
  note = mixedNote(source, channels),
): Fate {
  const value = soundValue({ codec: 'aac', channels, language: source?.language });
  const how = say('local.becomes-aac', { channels });
  return { kind: 'converted', into: [{ kind: 'sound', value, ...times }], how, note };
}

function mixedNote(source: AudioTrack | undefined, to: number): Sentence | undefined {
  const { channels: from = 0, layout = '' } = source ?? {};
  return from >= 2 && to < from ? say('local.sound-mixed', { from, layout, to }) : undefined;
}

/** The plan says why it leaves a track out, unless a person asked for that. */
function missingTrack(item: Item, { target, ...route }: Route): Fate {
  const plan = route.way === 'copy' ? route.copy : route.sound;
  const why = plan.dropped.find(({ index }) => index === item.track);
  if (why) return leftOut(why.note);
  const note = say('local.track-dropped', { track: item.what });
  return target.audio.kind === 'mute' && item.kind === 'sound'
    ? { kind: 'left-out', note, asked: true }
    : leftOut(note);
}

/** Formats whose fonts, colours and places are lost with the text kept. */
const STYLED = new Set(['ass', 'ssa']);

function subtitles(item: Item, route: Route): Fate {
  const plan = route.way === 'copy' ? route.copy : route.sound;
  // Where timestamps had to be fixed, track by track.
  if (item.track === undefined) return leftOut(say('local.subtitles-lost-times'));
  if (!plan.subtitles.includes(item.track)) return missingTrack(item, route);
  const { codec = '', language } = route.facts.subtitles.find(({ index }) => index === item.track) ?? {};
  const into: Holding = { kind: 'subtitles', value: subtitlesValue({ codec: 'mov_text', language }) };
  const note = STYLED.has(codec) ? say('local.subtitles-unstyled', { what: item.what }) : undefined;
  return codec === 'mov_text'
    ? KEPT
    : { kind: 'converted', into: [into], how: say('local.becomes', { what: 'mov_text' }), note };
}

/** Its picture has colours of its own, which only a Dolby decoder turns into the usual ones. */
const ONLY_DOLBY = '5';

function dolbyVision(item: Item, route: Route): Fate {
  // ffmpeg 5.1 is the first that writes it; this option came with it.
  if (route.way === 'copy')
    return route.tools.options.has('fps_mode') ? KEPT : leftOut(say('local.mark-dropped', { what: item.what }));
  if (item.value === ONLY_DOLBY)
    return { kind: 'refused', why: say('local.dolby-vision-only'), hint: say('local.dolby-vision-hint') };
  return leftOut(say('local.dolby-vision-dropped', { profile: item.value }));
}

/** What ffmpeg's MP4 muxer writes. */
const WRITABLE_PROJECTIONS = new Set(['equirectangular', 'tiled equirectangular', 'cubemap']);
const WRITABLE_VIEWS = new Set(['side by side', 'top and bottom']);

/** Names with a field of their own in the tag box whose titles every player shows. */
const MP4_TAGS = new Set([
  ...['title', 'artist', 'album_artist', 'composer', 'album', 'date', 'comment', 'genre', 'copyright', 'grouping'],
  ...['lyrics', 'description', 'synopsis', 'show', 'episode_id', 'network', 'keywords'],
]);
/** Fields for numbers. */
const MP4_NUMBERS = new Set(['track', 'disc']);

function inMp4(name: string, { tags }: MediaFacts): boolean {
  if (MP4_TAGS.has(name)) return true;
  const value = Object.entries(tags).find(([key]) => key.toLowerCase() === name)?.[1] ?? '';
  return MP4_NUMBERS.has(name) && /^[1-9]\d{0,3}(\/\d{1,4})?$/.test(value);
}

/** Phones write com.apple.* and com.android.* names, which another kind of tag box holds, with every other name. */
export function hasVendorTags({ tags }: Pick<MediaFacts, 'tags'>): boolean {
  return Object.keys(tags).some(key => key.startsWith('com.'));
}

function writtenTag(colors: readonly string[], option: string): string | undefined {
  const at = colors.indexOf(option);
  return at < 0 ? undefined : colors[at + 1];
}

/** The encoder option has names of its own for two of them. */
const FFPROBE_TRANSFERS: Readonly<Record<string, string>> = { gamma22: 'bt470m', gamma28: 'bt470bg' };

/** What ffprobe says of a picture with these tags; empty if it says nothing. */
function writtenColour(colors: readonly string[]): string {
  const transfer = writtenTag(colors, '-color_trc');
  const primaries = writtenTag(colors, '-color_primaries');
  const space = writtenTag(colors, '-colorspace');
  if (!transfer && !primaries && !space) return '';
  return colourValue({ primaries, transfer: transfer && (FFPROBE_TRANSFERS[transfer] ?? transfer), space });
}
