import { formatClock } from '../../core/trim.ts';
import { formatBitrate, formatBytes, formatDuration, formatLimit } from '../../core/units.ts';

interface Size {
  width: number;
  height: number;
}
interface In {
  file: string;
}
/** A film, the size it does not go into, and its lengths; the sound's only where it is much longer. */
interface NeedsRoom extends In {
  cap: number;
  seconds: number;
  soundSeconds?: number;
}
/** A bit rate of sound; `mono` is 1 or 0. */
interface Sound {
  bitsPerSecond: number;
  mono: number;
}
/** `filled` is a share of the size, `again` counts the attempts after the first. */
interface Passes {
  bitsPerSecond: number;
  filled: number;
  segments: number;
  again: number;
  /** Which parts were encoded again; absent in journals of older versions, where it was the end. */
  which?: 'end' | 'some';
}

/** Of a progress bar and of children's errors: `doing` completes "while ...". */
const STEPS = {
  'local.and-more': ({ step, more }: { step: string; more: number }) => `${step}, and ${more} more`,
  'local.progress': ({ step, speed }: { step: string; speed: number }) => `${step}, ${speed.toFixed(1)}x`,
  'local.speed': ({ speed }: { speed: number }) => `${speed.toFixed(1)}x`,
  'local.checking-copy': 'checking the copy',
  'local.doing-picture': ({ step }: { step: string }) => `encoding the picture (${step})`,
  'local.doing-lead-in': 'decoding up to a cut',
  'local.doing-join': 'joining picture and sound',
  'local.doing-levels': 'measuring how loud the sound is',
  'local.doing-sound': 'encoding the sound',
  'local.doing-play-sound': 'playing the sound',
  'local.doing-fix-timestamps': 'fixing the timestamps',
  'local.doing-copy': 'copying into an MP4',
  'local.doing-check-copy': 'playing the copy to its end',
  'local.doing-count': 'counting the frames that can be decoded',
  'local.doing-sample': 'encoding samples',
  'local.doing-compare': 'comparing with the source',
  'local.removing': ({ path }: { path: string }) => `removing ${path}`,
  'local.renaming': ({ path }: { path: string }) => `renaming a finished file to ${path}`,
};

/** Why it is copied or encoded. */
const WHY = {
  'local.already-fits': ({ bytes, cap }: { bytes: number; cap: number }) =>
    `it already fits: ${formatBytes(bytes)} of ${formatBytes(cap)}`,
  'local.fits-repackaged': ({ cap }: { cap: number }) => `repackaged, it fits into ${formatBytes(cap)}`,
  'local.fits-but': ({ obstacles }: { obstacles: string }) => `it fits, but ${obstacles}`,
  'local.must-shrink': ({ bytes, cap }: { bytes: number; cap: number }) =>
    `${formatBytes(bytes)} must become ${formatBytes(cap)}`,
  'local.lossless-look-too-large': 'a visually lossless result would be larger than the source',
  'local.part-look-too-large':
    'a visually lossless result would be more than twice as large as this part is in the source',
  'local.lossless-look': 'as small as it stays visually lossless',
  'local.lossless-look-because': ({ reasons }: { reasons: string }) =>
    `as small as it stays visually lossless (${reasons})`,
  'local.saves-too-little': ({ percent }: { percent: number }) =>
    `re-encoding it without visible loss would save less than ${percent} %`,
  'local.not-for-mp4': ({ codec }: { codec: string }) => `MP4 players do not play ${codec}`,
  'local.part-requested': 'only a part was requested',
  'local.codec-requested': ({ codec }: { codec: string }) => `${codec} was requested`,
  'local.size-requested': ({ width, height }: Size) => `${width}x${height} was requested`,
  'local.fps-requested': ({ fps }: { fps: number }) => `at most ${fps} frames per second were requested`,
  'local.shape-changes': 'its picture changes shape, and many players would stretch it',
  'local.timestamps-jump': 'its timestamps jump back',
  'local.copy-refused': 'ffmpeg cannot copy it into an MP4',
  'local.copy-too-large': 'an MP4 copy would be larger than allowed',
  'local.copy-does-not-open': 'a copy of it does not open',
  'local.copy-differs': 'a copy of it comes out different',
  'local.copy-out-of-order': 'a copy of it shows its frames in another order',
  'local.source-damaged-spots': 'the source has damaged spots',
};

/** What was done. */
const HOW = {
  'local.how-copied': ({ why }: { why: string }) => `copied without loss: ${why}`,
  'local.how-copied-with-aac': ({ tracks, why }: { tracks: number; why: string }) =>
    `copied without loss, ${tracks === 1 ? 'one sound track' : `${tracks} sound tracks`} converted to AAC: ${why}`,
  'local.how-source-itself': ({ why }: { why: string }) =>
    `the file itself: ${why}, and repackaging it would make it larger`,
  'local.how-encoded': ({ what, width, height, sound }: Size & { what: string; sound: string }) =>
    `${what}, ${width}x${height}, ${sound}`,
  'local.how-one-pass': ({ crf }: { crf: number }) => `one pass at visually lossless quality (CRF ${crf})`,
  'local.how-compared': ({ how, ssim }: { how: string; ssim: string }) => `${how}, ${ssim}`,
  'local.how-ceiling': ({ crf }: { crf: number }) => `one pass, visually lossless (CRF ${crf})`,
  'local.how-lossless': ({ how }: { how: string }) => `${how}, visually lossless`,
  'local.how-unused': ({ how, bytes }: { how: string; bytes: number }) =>
    `${how}; the other ${formatBytes(bytes)} would not be seen`,
  'local.how-two-pass': (passes: Passes) => `two passes${landed(passes)}`,
  'local.how-hardware': (passes: Passes & { encoder: string }) => `one pass with ${passes.encoder}${landed(passes)}`,
  'local.how-hardware-quality': ({ encoder }: { encoder: string; codec: string }) =>
    `one pass with ${encoder}, visually lossless`,
  'local.how-av1': (passes: Passes & { crf: number; toCrf: number }) => {
    const { crf, toCrf } = passes;
    const ends = new Set([crf, toCrf].map(one => one.toFixed(1)));
    return `CRF ${[...ends].join(' to ')}${landed(passes)}`;
  },
  'local.ssim': ({ frames, mean, worst }: { frames: number; mean: number; worst: number }) =>
    `SSIM ${mean.toFixed(3)} on ${frames} sampled frames, ${worst.toFixed(3)} on the worst 5 %`,
  'local.no-sound': 'no sound',
  'local.sound-aac': (sound: Sound) => `sound AAC ${soundRate(sound)}`,
  'local.sound-copied': (sound: Sound) => `sound untouched (${soundRate(sound)})`,
  'local.sound-tracks': ({ count, sound }: { count: number; sound: string }) =>
    `${count} sound tracks, the first: ${sound}`,
};

/** What a person should know about a result. */
const NOTES = {
  'local.by-processor': ({ why }: { why: string }) => `encoded by the processor: ${why}`,
  'local.hardware-failed': ({ encoder, why }: { encoder: string; why: string }) => `${encoder} failed (${why})`,
  'local.hardware-missed': ({ encoder, shares }: { encoder: string; shares: string }) =>
    `${encoder} did not reach the size (attempts: ${shares})`,
  'local.hardware-too-large': ({ encoder, cap }: { encoder: string; cap: number }) =>
    `${encoder} needs more than ${formatBytes(cap)} for that quality`,
  'local.hardware-visible': ({ encoder }: { encoder: string }) => `what ${encoder} made can be told from the source`,
  'local.hardware-wrong-picture': ({ encoder }: { encoder: string }) =>
    `${encoder} made another picture than the source has`,
  'local.hardware-rejected': ({ encoder }: { encoder: string }) => `what ${encoder} made did not pass the verification`,
  'local.hardware-rests': ({ encoder, failures }: { encoder: string; failures: number }) =>
    `${encoder} failed ${failures} times in a row and is left alone for an hour`,
  'local.hardware-not-codec': ({ codec }: { codec: string }) => `no hardware encoder for ${codec} works here`,
  'local.hardware-captions': 'it has captions in its picture, which hardware encoders lose',
  'local.hardware-no-quality': ({ encoder }: { encoder: string }) => `${encoder} cannot hold a quality, only bit rates`,
  'local.hardware-brutal': ({ cap }: { cap: number }) =>
    `${formatBytes(cap)} are so few that a hardware encoder would spoil it`,
  'local.hardware-floor': ({ cap }: { cap: number }) =>
    `in ${formatBytes(cap)} it may look worse than the rule's floor on a hardware encoder`,
  'local.hardware-short': ({ encoder }: { encoder: string }) =>
    `${encoder} takes no bit rate here, and the film is too short to mix qualities`,
  'local.hardware-by-steps': 'by mixing whole steps of quality over its parts',
  'local.h264-instead': ({ codec, why }: { codec: string; why: string }) =>
    `H.264 instead of ${codec}, which was requested: ${why}`,
  'local.track-dropped': ({ track }: { track: string }) => `dropped: ${track}`,
  'local.sound-track-no-room': ({ track }: { track: string }) =>
    `sound track dropped, there was no room for it: ${track || 'unnamed'}`,
  'local.bitmap-subtitles': ({ track }: { track: string }) =>
    `subtitles dropped, they are pictures, which MP4 cannot carry: ${track}`,
  'local.subtitles-not-for-mp4': 'subtitles dropped: they cannot be converted for MP4',
  'local.subtitles-lost-times': 'subtitles dropped: their timestamps cannot be fixed',
  'local.sound-damaged': 'sound dropped: it is damaged and cannot be decoded',
  'local.sound-outside-picture': 'sound dropped: there is none while the picture lasts',
  'local.sound-cut-before': ({ seconds, kept }: { seconds: number; kept: number }) =>
    `dropped: ${seconds.toFixed(1)} s of sound more than ${kept.toFixed(0)} s before the picture`,
  'local.last-picture-shorter': ({ seconds }: { seconds: number }) =>
    `the last picture does not stay for ${seconds.toFixed(1)} s as in the source: this ffmpeg cannot write that, a newer one can`,
  'local.sound-may-drift': ({ seconds }: { seconds: number }) =>
    `sound and picture may drift apart by up to ${seconds.toFixed(1)} s: its sections differ in length`,
  'local.timestamps-fixed': ({ times }: { times: number }) =>
    times === 1
      ? 'its timestamps reset once; the sections were joined into one timeline'
      : `its timestamps reset ${times} times; the sections were joined into one timeline`,
  'local.hdr-kept':
    'HDR brightness kept in 8 bits, because this ffmpeg cannot convert it (it lacks zscale): some players show pale colours',
  'local.hdr-to-sdr': ({ hdr }: { hdr: string }) => `HDR (${hdr}) converted to standard colours, which play everywhere`,
  'local.differences-visible':
    'even at this quality, comparing it with the source found differences that may be visible',
  'local.damaged-spots': 'the source has damaged spots; the decoder concealed them as well as it can',
  'local.frames-lost': ({ frames }: { frames: number }) =>
    frames === 1
      ? 'one frame of the source could not be decoded and is missing'
      : `${frames} frames of the source could not be decoded and are missing`,
  'local.frames-lost-at-shapes': ({ frames }: { frames: number }) =>
    frames === 1
      ? 'one frame is missing where the picture changes shape: ffmpeg drops it there'
      : `${frames} frames are missing where the picture changes shape: ffmpeg drops them there`,
  'local.hidden-frames-shown': ({ frames }: { frames: number }) =>
    frames === 1
      ? 'one frame at the end that the source hides is visible'
      : `${frames} frames at the end that the source hides are visible`,
  'local.picture-smaller': ({ width, height, toWidth, toHeight }: Size & { toWidth: number; toHeight: number }) =>
    `picture made smaller, from ${width}x${height} to ${toWidth}x${toHeight}`,
  'local.gave-up-size': (p: { cap: number; looks: string; needed: number; floor: 'decent' | 'good' }) =>
    `not made as small as ${formatLimit(p.cap)}, in which it would look ${p.looks}, but as small as it gets without visible loss; it looks ${p.floor} from about ${formatBytes(p.needed)} on`,
  'local.gave-up-unless': ({ gaveUp, cap }: { gaveUp: string; cap: number }) =>
    `${gaveUp}. The words “no matter how it looks” ask for ${formatLimit(cap)} all the same`,
  'local.looks-at': ({ looks, width, height }: Size & { looks: string }) => `${looks}, at ${width}x${height}`,
  'local.re-encoded': ({ why }: { why: string }) => `re-encoded, because ${why}`,
};

/** What becomes of the parts of a source, in explain's list and in the notes. */
const FATES = {
  'local.becomes': ({ what }: { what: string }) => what,
  'local.sound-mixed': ({ from, layout, to }: { from: number; layout: string; to: number }) =>
    `${layout && layout !== 'unknown' ? `${layout} sound` : `sound of ${from} channels`} mixed down to ${to === 1 ? 'mono' : to === 2 ? 'stereo' : '5.1'}${from > 2 ? ', about as loud as before' : ''}`,
  'local.becomes-aac': ({ channels }: { channels: number }) =>
    `AAC, ${channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels} channels`}`,
  'local.becomes-handler': 'the name of the track’s handler',
  'local.becomes-upright': 'turned upright in the picture itself',
  'local.becomes-square': 'square pixels',
  'local.becomes-one-shape': ({ width, height }: { width: number; height: number }) => `fitted into ${width}x${height}`,
  'local.becomes-limited-range': 'the usual range (16 to 235), which looks the same',
  'local.becomes-8-bits': '8 bits, 4:2:0',
  'local.becomes-sdr': 'standard colours',
  'local.becomes-progressive': 'whole pictures',
  'local.becomes-fewer-frames': ({ fps }: { fps: number }) => `at most ${fps.toFixed(2)} frames per second`,
  'local.becomes-those-of-part': 'those of the part',
  'local.becomes-cut-off': 'left out, as players do',
  'local.item-becomes': ({ what, how }: { what: string; how: string }) => `${what}: ${how}`,
  'local.explain-kept': ({ items }: { items: string }) => `kept as it is: ${items}`,
  'local.explain-converted': ({ items }: { items: string }) => `converted: ${items}`,

  'local.sound-undecodable': ({ codec }: { codec: string }) =>
    `dropped: a sound track (${codec}) this ffmpeg cannot decode`,
  'local.sound-spoiled': 'the sound has damaged spots; what cannot be decoded is silent',
  'local.subtitles-outside-picture': 'subtitles dropped: there are none while the picture lasts',
  'local.subtitles-unstyled': ({ what }: { what: string }) =>
    `${what}: the text is kept, its fonts, colours and places are not`,
  'local.captions-not-in-codec': ({ codec }: { codec: string }) =>
    `dropped: captions in the picture, which ffmpeg does not write into ${codec}; H.264 keeps them`,
  'local.captions-need-every-frame':
    'dropped: captions in the picture, which are spread over all frames; keeping every frame keeps them',
  'local.tags-dropped': ({ names }: { names: string }) => `dropped: tags that MP4 has no field for (${names})`,
  'local.chapters-dropped': (p: { chapters: number; most: number }) =>
    `dropped: all ${p.chapters} chapters; more than ${p.most} would take too much of the size`,
  'local.mark-dropped': ({ what }: { what: string }) =>
    `dropped: the mark “${what}”, which ffmpeg does not write into MP4`,
  'local.depth-reduced': ({ depth }: { depth: string }) =>
    `colour depth reduced from ${depth} to 8 bits, 4:2:0, which every player shows`,
  'local.second-eye-dropped': 'dropped: the second eye of this 3D film (MV-HEVC); the result shows the first',
  'local.alpha-dropped': 'dropped: transparency, which MP4 cannot carry',
  'local.unread-left-out': ({ what }: { what: string }) =>
    `left out: ${what}, which ffmpeg does not read: most likely a camera’s or an editor’s own data`,
  'local.deinterlaced': 'deinterlaced: the source shows half-pictures, the result whole ones',
  'local.shapes-fitted': ({ what, width, height }: { what: string; width: number; height: number }) =>
    `${what}: every shape is shown whole in ${width}x${height}, with black bars where needed`,
  'local.interlaced-kept':
    'still interlaced, like the source: televisions and most players make whole pictures of it, browsers show comb lines in motion',
  'local.dolby-vision-dropped': ({ profile }: { profile: string }) =>
    `dropped: Dolby Vision (profile ${profile}); the picture below it, which every player shows, was used`,
  'local.dolby-vision-only':
    'its colours are Dolby Vision profile 5, which only a Dolby decoder turns into the usual ones: encoded again, they would be green and purple',
  'local.dolby-vision-hint':
    'Export it as HDR10, HLG or SDR, or ask for a size that it fits into as it is: then it is copied.',
};

/** What a size is needed for. */
function lengths({ seconds, soundSeconds }: Pick<NeedsRoom, 'seconds' | 'soundSeconds'>): string {
  const picture = `${Math.round(seconds) || seconds.toFixed(2)} s of this picture`;
  return soundSeconds === undefined ? picture : `${picture} and ${Math.round(soundSeconds)} s of sound`;
}

const ERRORS = {
  'local.damaged': ({ file, said }: In & { said: string }) => `${file} is damaged: ${said}`,
  'local.few-frames': ({ file, frames, of }: In & { frames: number; of: number }) =>
    `${file} is damaged: only ${frames} of its ${of} frames can be decoded`,
  'local.timestamps-broken': ({ file }: In) => `the timestamps of ${file} cannot be repaired`,
  'local.codec-worse': ({ source, codec }: { source: string; codec: string }) =>
    `it is ${source}, which makes more of its bits than ${codec}: it would only look worse, or become larger`,
  'local.would-lose': ({ what }: { what: string }) => `something would be missing from the result: ${what}`,
  'local.no-way': 'no way was found to make this file as small as requested',
  'local.refused': ({ file, why }: In & { why: string }) => `${file} cannot be encoded again: ${why}`,
  'local.cannot-encode': ({ codec, why }: { codec: string; why: string }) => `cannot encode ${codec}: ${why}`,
  'local.cannot-encode-hint': 'Set `codec: h264` in the rule, or install an ffmpeg with that encoder.',
  'local.cannot-shrink-unseen': 'it cannot become smaller without visible loss',
  'local.crowded': ({ file, cap, frames, needed }: NeedsRoom & { frames: number; needed: number }) =>
    `${file} does not go into ${formatBytes(cap)}: each of its ${frames} pictures needs a few bytes, and all need about ${formatBytes(needed)} to look decent`,
  'local.hopeless': (p: NeedsRoom & { decent: number }) =>
    p.soundSeconds === undefined
      ? `${p.file} would be unrecognisable in ${formatBytes(p.cap)}: ${lengths(p)} need about ${formatBytes(p.decent)} to look decent`
      : `${p.file} does not go into ${formatBytes(p.cap)}: ${lengths(p)} need about ${formatBytes(p.decent)} to look decent`,
  'local.hopeless-because': ({ hopeless, why }: { hopeless: string; why: string }) => `${hopeless} (${why})`,
  'local.hopeless-hint': ({ decent }: { decent: number }) =>
    `Ask for at least ${formatBytes(decent)}, or cut it shorter first.`,
  'local.below-floor': (p: NeedsRoom & { looks: string; needed: number; floor: 'decent' | 'good' }) =>
    `${p.file} would look ${p.looks} in ${formatBytes(p.cap)}: ${lengths(p)} need about ${formatBytes(p.needed)} to look ${p.floor}`,
  'local.below-floor-hint': ({ needed }: { needed: number }) =>
    `Ask for at least ${formatBytes(needed)}, cut it shorter first, or add the words “no matter how it looks” (in a rule: floor: any).`,
  'local.does-not-fit': ({ file, cap }: In & { cap: number }) => `${file} does not fit into ${formatBytes(cap)}`,
  'local.too-large-after-all': ({ file, cap, smallest }: In & { cap: number; smallest: number }) =>
    `${file} does not fit into ${formatBytes(cap)}: the smallest result was ${formatBytes(smallest)}`,
  'local.larger-size-hint': 'Ask for a larger size.',
};

/** Lines of `shrinkbox explain`. */
const PLAN = {
  'local.explain-source': ({
    bytes,
    seconds,
    width,
    height,
    codec,
    fps,
    variable,
    hdr,
  }: Size & { bytes: number; seconds: number; codec: string; fps: number; variable: number; hdr: string }) =>
    `source: ${formatBytes(bytes)}, ${seconds.toFixed(1)} s, ${width}x${height} ${codec} at ${fps.toFixed(2)} frames per second` +
    `${variable ? ' (variable)' : ''}${hdr === 'sdr' ? '' : `, HDR (${hdr})`}`,
  'local.explain-sound': ({ tracks }: { tracks: string }) => `sound: ${tracks}`,
  'local.part': ({ from, to }: { from: number; to: number }) =>
    `only ${formatClock(from)} to ${formatClock(to)}, as asked`,
  'local.part-to-end': ({ from, to, seconds }: { from: number; to: number; seconds: number }) =>
    `only ${formatClock(from)} to ${formatClock(to)}: more was asked for, but the video is only ${formatClock(seconds)} long`,
  'local.part-is-all': ({ seconds }: { seconds: number }) =>
    `nothing was cut: the part asked for is all of the video, which is ${formatClock(seconds)} long`,
  'local.track-not-in-part': ({ track }: { track: string }) =>
    `dropped: ${track}; nothing of it is in the part asked for`,
  'local.explain-rate': ({
    bitsPerSecond,
    bytes,
    seconds,
  }: {
    bitsPerSecond: number;
    bytes: number;
    seconds: number;
  }) => `at most ${formatBitrate(bitsPerSecond)}: ${formatBytes(bytes)} for ${seconds.toFixed(1)} s`,
  'local.explain-no-sound': 'sound: none',
  'local.plan-copy': ({ why }: { why: string }) => `plan: copy it without loss into an MP4: ${why}`,
  'local.plan-size': ({ codec, bytes, why }: { codec: string; bytes: number; why: string }) =>
    `plan: ${codec} in at most ${formatBytes(bytes)}: ${why}`,
  'local.plan-quality': ({ codec, bytes, why }: { codec: string; bytes: number; why: string }) =>
    `plan: ${codec}, ${why}; kept if smaller than ${formatBytes(bytes)}`,
  'local.plan-held': ({ cap, decent }: { cap: number; decent: number }) =>
    `it would be held: unrecognisable in ${formatBytes(cap)}; from about ${formatBytes(decent)} on it would look decent`,
  'local.plan-crowded': ({ cap, frames, needed }: { cap: number; frames: number; needed: number }) =>
    `it would be held: its ${frames} pictures do not go into ${formatBytes(cap)}; from about ${formatBytes(needed)} on it would look decent`,
  'local.plan-below-floor': (p: { cap: number; looks: string; needed: number; floor: 'decent' | 'good' }) =>
    `it would be held: it would look ${p.looks} in ${formatBytes(p.cap)}; from about ${formatBytes(p.needed)} on it would look ${p.floor}`,
  'local.plan-budget': ({
    sound,
    soundBytes,
    tableBytes,
    video,
  }: {
    sound: string;
    soundBytes: number;
    tableBytes: number;
    video: string;
  }) => `${sound}: about ${formatBytes(soundBytes)}; MP4 tables: about ${formatBytes(tableBytes)}; ${video}`,
  'local.plan-video-rate': ({ bytes, bitsPerSecond }: { bytes: number; bitsPerSecond: number }) =>
    `${formatBytes(bytes)} for the picture, ${formatBitrate(bitsPerSecond)}`,
  'local.plan-video-enough': ({ bytes }: { bytes: number }) =>
    `about ${formatBytes(bytes)} for the picture, as much as can be seen`,
  'local.plan-picture': ({ size, frames }: { size: string; frames: string }) => `${size}; ${frames}`,
  'local.plan-full-size': ({ width, height, crf }: Size & { crf: number }) =>
    `picture: ${width}x${height}, about CRF ${Math.round(crf)}`,
  'local.plan-scaled': ({
    width,
    height,
    fullWidth,
    fullHeight,
    fullCrf,
    looks,
    crf,
  }: Size & { fullWidth: number; fullHeight: number; fullCrf: number; looks: string; crf: number }) =>
    `picture: ${width}x${height} instead of ${fullWidth}x${fullHeight}, which would be CRF ${Math.round(fullCrf)}, ${looks}; this way it is CRF ${Math.round(crf)}`,
  'local.plan-every-frame': 'every frame is kept',
  'local.plan-fewer-frames': ({ fps }: { fps: number }) => `frames reduced to ${fps.toFixed(2)} per second`,
  'local.plan-looks': ({ looks, bytes }: { looks: string; bytes: number }) =>
    `expected to look ${looks}, in about ${formatBytes(bytes)}`,
  'local.looks-like-source': 'like the source',
  'local.looks-nearly-like-source': 'nearly like the source',
  'local.looks-good': 'good',
  'local.looks-decent': 'decent, without the finest detail',
  'local.looks-soft': 'soft, and blocky in motion',
  'local.looks-bad': 'bad',
  'local.plan-one-pass': 'one pass',
  'local.plan-hardware': ({ encoder, how }: { encoder: string; how: string }) => `encoder: ${encoder}, ${how}`,
  'local.plan-hardware-costs':
    'at the same size it looks like two passes of the processor with a quarter to half of the bytes less: docs/hardware.md',
  'local.plan-two-passes': 'two passes',
  'local.plan-passes-av1': 'a quick measuring pass, which may choose another picture size, then one or two passes',
  'local.plan-encoder': ({
    codec,
    preset,
    effort,
    passes,
    segments,
    atOnce,
  }: {
    codec: string;
    preset: string;
    effort: string;
    passes: string;
    segments: number;
    atOnce: number;
  }) => {
    const parts = ` in ${segments} parts${atOnce > 1 ? `, ${atOnce} at once` : ''}, each of which survives a restart`;
    return `${codec} ${preset} (effort ${effort}), ${passes}${segments > 1 ? parts : ''}`;
  },
  'local.plan-time': ({ encoder, seconds }: { encoder: string; seconds: number }) =>
    `${encoder}; about ${formatDuration(Math.max(1, seconds) * 1000)} on this machine, as busy as it is now`,
};

export const LOCAL_EN = { ...STEPS, ...WHY, ...HOW, ...NOTES, ...FATES, ...ERRORS, ...PLAN };

function landed({ bitsPerSecond, filled, segments, again, which }: Passes): string {
  const parts = segments > 1 ? ` in ${segments} parts` : '';
  const what = segments > 1 ? (which === 'some' ? 'some of them ' : 'the end ') : '';
  const repeated = again === 0 ? '' : `, ${what}encoded again${again > 1 ? ` ${again} times` : ''}`;
  return `${parts} at ${formatBitrate(bitsPerSecond)}, ${(filled * 100).toFixed(1)} % of the size${repeated}`;
}

function soundRate({ bitsPerSecond, mono }: Sound): string {
  return `${Math.round(bitsPerSecond / 1000)} kb/s${mono ? ' mono' : ''}`;
}
