/** Where picture and sound stand on the result's clock. Pure. docs/encoding.md, Timestamps */
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import { LONG_LAST_FRAMES } from '../../../media/inventory/picture.ts';
import { PRIMING_S } from '../../../media/inventory/tracks.ts';
import { EXACT_LENGTH_BELOW_FPS, MAX_LEAD_S } from '../tuning.ts';

type Sounds = readonly { index: number }[];

/** When a sound track begins, in seconds after the first picture; negative before it. 0 where its clock cannot be trusted. */
export function soundStart({ inventory }: Pick<MediaFacts, 'inventory'>, index: number): number {
  return inventory.find(({ kind, track }) => kind === 'sound' && track === index)?.startS ?? 0;
}

/** How much of a track is heard before the first picture of an encode, seconds. */
export function soundLead(facts: Pick<MediaFacts, 'inventory'>, index: number): number {
  const leadS = -soundStart(facts, index);
  return leadS < PRIMING_S ? 0 : Math.min(leadS, MAX_LEAD_S);
}

/** An encode begins with the first of its tracks: this much before the first picture, seconds. */
export function leadOf(facts: Pick<MediaFacts, 'inventory'>, sound: Sounds): number {
  return Math.max(0, ...sound.map(({ index }) => soundLead(facts, index)));
}

/** The same for a copy, which cuts nothing off. */
export function leadOfCopy(facts: Pick<MediaFacts, 'inventory'>, sound: Sounds): number {
  return Math.max(0, ...sound.map(({ index }) => -soundStart(facts, index)));
}

type Facts = Pick<MediaFacts, 'video' | 'durationS'>;

/**
 * Whether the joined file must be told when the picture ends. By itself, the muxer takes the last picture for one that lasts about as
 * long as the others: right to a frame unless the source's stays, or the rate was reduced.
 */
function mustBeTold({ video }: Facts, { fps }: { fps?: number }): boolean {
  return fps !== undefined || video.variableFrameRate || video.fps < EXACT_LENGTH_BELOW_FPS || staysLong(video);
}

function staysLong({ lastFrameS, fps }: MediaFacts['video']): boolean {
  return lastFrameS * fps > LONG_LAST_FRAMES;
}

/** When the picture ends, seconds after its first frame; `undefined` if the muxer knows that, or cannot be told. */
export function pictureEnd(
  facts: Facts,
  picture: { fps?: number },
  { options }: Pick<Tools, 'options'>,
): number | undefined {
  return options.has('setts_duration') && mustBeTold(facts, picture) ? facts.durationS : undefined;
}

/** How much sooner the last picture may end where this ffmpeg cannot be told, seconds; `shows`: as anybody can see. */
export function lostAtEnd({ video }: Facts, { options }: Pick<Tools, 'options'>): { seconds: number; shows: boolean } {
  if (options.has('setts_duration')) return { seconds: 0, shows: false };
  return { seconds: video.lastFrameS, shows: staysLong(video) };
}
