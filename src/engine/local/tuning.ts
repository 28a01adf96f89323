/**
 * Every constant that the results of the local engine depend on, under the headings of docs/encoding.md, which says how each was
 * measured. Sizes in bytes, rates in bits per second, times in seconds, qualities in steps of CRF (x264's, unless the name says
 * otherwise). A golden table in the tests pins each value: changing one is a decision.
 */

// docs/encoding.md, Copy or encode

/** Codecs that play in an MP4 wherever MP4 plays. MP4 allows MPEG-2, but hardly anything shows it. */
export const PICTURE_IN_MP4: ReadonlySet<string> = new Set(['h264', 'hevc', 'av1', 'vp9', 'mpeg4']);
export const SOUND_IN_MP4: ReadonlySet<string> = new Set(['aac', 'mp3', 'ac3', 'eac3', 'alac', 'opus']);
/** AAC beside a copied picture, if the source's sound cannot stay. */
export const TRANSPARENT_AAC_PER_CHANNEL = 96_000;
/** A sound track this much above the requested bit rate is copied all the same. */
export const COPIED_SOUND_TOLERANCE = 1.05;
/** How much larger than its source a copy may be: the tables of an MP4, and AAC in place of a leaner codec. */
export const COPY_GROWTH = { share: 0.01, bytes: 65_536 };
/** A part cannot be copied, so it may need more bytes than it has in its source to look the same; never more than all of that. */
export const PART_GROWTH = 2;
/** Frames at the end that an edit list hides and a copy shows. */
export const MAX_EXTRA_FRAMES = 4;
/** Measured frame rates scatter: this much above the limit still counts as within it. */
export const FPS_TOLERANCE = 1.005;

// docs/encoding.md, Sound

/** Bit rates of a sound track by the total rate of the file. */
export const SOUND_LADDER: readonly { from: number; stereo: number; mono: number; channels: number }[] = [
  { from: 1_600_000, stereo: 128_000, mono: 80_000, channels: 2 },
  { from: 800_000, stereo: 96_000, mono: 64_000, channels: 2 },
  { from: 450_000, stereo: 64_000, mono: 48_000, channels: 2 },
  { from: 220_000, stereo: 48_000, mono: 48_000, channels: 1 },
  { from: 0, stereo: 32_000, mono: 32_000, channels: 1 },
];
/** The total rate from which surround is kept; below it, two channels sound better per bit. */
export const SURROUND_FROM = 6_000_000;
export const SURROUND_PER_CHANNEL = 64_000;
/** Without a size limit: transparent for AAC. */
export const GENEROUS_PER_CHANNEL = 80_000;
/** The most that is used, per two channels. */
export const MAX_AAC_RATE = 256_000;
/** The least at which AAC-LC is bearable. */
export const MIN_AAC_RATE = 16_000;
/** An AAC track this much above its planned rate is copied rather than encoded again. */
export const AAC_COPY_TOLERANCE = 1.1;
/** Further tracks are dropped while all sound takes more than this share of all bits; then the first one shrinks to its share. */
export const MAX_SHARE_ALL_TRACKS = 0.3;
export const MAX_SHARE_ONE_TRACK = 0.4;
/** What the picture is expected to need at most, times this, is not given to sound: predictions from samples scatter. */
export const NEED_MARGIN = 1.5;
/** The highest sample of a mix of several channels, dB: AAC overshoots by a few tenths. */
export const FOLD_PEAK_DB = -1;
/** AAC overshoots its bit rate. */
export const AAC_OVERSHOOT = 1.005;

// docs/encoding.md, MP4 tables

/** A frame in which nothing moves, of the smallest picture, has 11 with x264 (CRF 51, medium). */
export const MIN_FRAME_BYTES = 10;
/** Below this no encoder makes a usable picture of anything. */
export const MIN_VIDEO_RATE = 10_000;
/** A film has dozens, and a long reading hundreds. docs/encoding.md, MP4 tables */
export const MAX_CHAPTERS = 1_000;
/** 33 to 66 with titles of 19 letters. */
export const CHAPTER_BYTES = 70;
export const TABLE_BYTES_PER_FRAME = 12;
export const TABLE_BYTES_PER_VARIABLE_FRAME = 20;
/** The estimate for chunks, per second of the film, and for the rest. */
export const TABLE_BYTES_PER_SECOND = 32;
export const TABLE_BYTES_BESIDES = 2_000;
export const TABLE_BYTES_PER_SOUND_FRAME = 4;
export const TABLE_BYTES_PER_SOUND_TRACK = 1_000;
/** What the joined file saves of the sound's own file because it has it only once. */
export const SHARED_TABLE_BYTES = 350;
/** Of the picture's chunks, one a second between those of the sound. */
export const CHUNK_BYTES = 16;
/** Overhead of a title or the like, beyond its text. */
export const TAG_BYTES = 24;
/** Margin of error of the estimate before everything is muxed. */
export const TABLES_SLACK_BYTES = 100_000;

// docs/encoding.md, Samples

export const SAMPLES = 3;
export const SAMPLE_S = 2;
export const MAX_SAMPLED_SHARE = 0.06;
export const MIN_SAMPLE_S = 0.6;
/** For a clip too short for one sample of MIN_SAMPLE_S, which has a single scene. */
export const MIN_SAMPLE_OF_SHORT_S = 0.4;
/** A long film has more kinds of scenes, and leaves enough time. */
export const MORE_SAMPLES_FROM_S = 600;
export const MORE_SAMPLES = 8;
/** From this picture size on, samples are taken at half of it. */
export const HALVED_SAMPLES_FROM_PIXELS = 800_000;
export const SAMPLE_CRF = 28;
export const SAMPLE_PRESET = 'veryfast';
export const SAMPLE_KEYFRAMES = 300;
/** Bits `medium` needs for one bit of `veryfast` at the same CRF. */
export const MEDIUM_OVER_VERYFAST = 1.2;
/** Bits per pixel at SAMPLE_CRF if no sample could be taken. */
export const GUESSED_BITS_PER_PIXEL = 0.04;
/** A prediction from fewer places and a smaller share than these may be wrong by this many steps. */
export const ENOUGH_PLACES = 3;
export const ENOUGH_SAMPLED_SHARE = 0.15;
export const ONE_PLACE_DOUBT = 9;

// docs/encoding.md, Picture size

/** Scales of the requested size that are tried, largest first. */
export const RUNGS: readonly number[] = [1, 0.75, 0.5, 0.35];
export const MIN_SIDE = 120;
/** The largest rung whose predicted quality is this or better wins. */
export const GOOD_CRF = 31;
/** Anything coarser looks bad whatever is done: the job is held before hours are spent. */
export const HOPELESS_CRF = 42;
/** Blocky but recognisable: what "would look decent" means. */
export const DECENT_CRF = 34;
/** Margin over the predicted bytes of such a picture, for the size named in a message. */
export const DECENT_MARGIN = 1.05;
/** How closely the smallest size that looks as asked is sought. */
export const NEEDED_WITHIN = 0.005;
export const DECENT_SOUND_RATE = 32_000;
/** Bits grow with the side of the picture to this power. */
export const SCALE_POWER = 1.6;
/** Sharper than ffmpeg's own bicubic, at the same cost. */
export const SCALER = 'lanczos';
/** Detail that stands still: above this measure, each doubling is worth this many steps, up to a limit. */
export const LITTLE_STILL_DETAIL = 0.25;
export const STILLNESS_PER_DOUBLING = 7;
export const MAX_STILLNESS = 6.2;
/** The measure grows with the side of the picture to this power. */
export const STILL_DETAIL_POWER = 1.2;

// docs/encoding.md, Quality scales

/** Fields: see `Scale` in plan/crf.ts. */
export const SCALES = {
  h264: { ceiling: 18, losslessLook: 20, perHalf: 6.5, at26: 26, perStep: 1, step: 0.1, least: 10, most: 45 },
  h265: { ceiling: 20, losslessLook: 22, perHalf: 6.5, at26: 28, perStep: 1, step: 0.1, least: 10, most: 45 },
  av1: {
    ...{ ceiling: 24, losslessLook: 28, perHalf: 10, steeperFrom: 54, at26: 40, perStep: 1.5 },
    // Fractions of a step, and anything above 63, are made with lambda.
    ...{ step: 0.02, least: 10, most: 66 },
  },
};
/** Beyond `steeperFrom`, the steps that halve the bits are themselves halved after this many further ones. */
export const STEEPER_WITHIN = 9;

// docs/encoding.md, Quality ceiling

/** A prediction this far below the ceiling is trusted to meet it in one pass. */
export const SURELY_BELOW_CEILING = 2.5;
/** At constant quality, a prediction this many times over the limit is trusted without encoding. */
export const SURELY_TOO_LARGE = 1.6;
/** The ceiling is a prediction: from this share of its bytes on, it counts as reached. */
export const NEAR_CEILING = 0.8;
/** Unused shares of the size worth a note, after one pass and after two. */
export const UNUSED_WORTH_SAYING_ONE_PASS = 0.03;
export const UNUSED_WORTH_SAYING = 0.015;

/** The highest CRF of x264 at which a picture looks like that. */
export const LOOKS = { likeSource: 20.5, nearlyLikeSource: 23.5, good: 27, decent: 31.5, soft: 36 };

// docs/encoding.md, Comparing with the source

export const MIN_SSIM_MEAN = 0.975;
/** Mean of the worst twentieth of the frames. */
export const MIN_SSIM_WORST = 0.965;
export const SSIM_WORST_SHARE = 0.05;
export const SSIM_WINDOWS = 3;
export const SSIM_WINDOW_S = 2;
export const MORE_SSIM_WINDOWS_FROM_S = 600;
export const MORE_SSIM_WINDOWS = 8;
export const MAX_COMPARED_SHARE = 0.08;
export const MIN_COMPARED_FRAMES = 8;
/** If the comparison fails, a quality this many steps better is tried, up to a total. */
export const BETTER_BY = 2;
export const MAX_BETTER = 4;

// docs/encoding.md, Presets

export const PRESETS = {
  h264: { fast: 'veryfast', balanced: 'medium', best: 'slow' },
  h265: { fast: 'veryfast', balanced: 'medium', best: 'slow' },
  av1: { fast: '10', balanced: '8', best: '6' },
};
/** A quick first pass of SVT-AV1, which only measures. */
export const AV1_MEASURING_PRESET = '12';

// docs/encoding.md, Keyframes

/** The most between two keyframes: seconds, within a number of frames. */
export const KEYFRAMES = { seconds: 8, least: 150, most: 300 };
export const KEYFRAMES_AV1 = { seconds: 15, least: 250, most: 300 };
/** Distances may grow by a tenth, so that no keyframe comes right before the end. */
export const KEYFRAMES_STRETCH = 1.1;

// docs/encoding.md, First pass

/** How much finer than the expected quality x264's first pass begins. */
export const FIRST_PASS_FINER = 0.8;
/** What psycho-visual optimisation, for which a first pass is too quick, makes of the second's colours. */
export const FIRST_PASS_CHROMA = -2;
/** Bytes of a first pass per byte of the result: what another one aims for, and between which bounds none is made. */
export const FIRST_PASS_OVER = 1.3;
export const FIRST_PASS_ENOUGH = { least: 0.85, most: 2.6 };
/** Steps that halve its bytes, which differs from clip to clip: after one first pass, and bounds on what two of them say. */
export const FIRST_PASS_PER_HALF = { usual: 4, least: 2, most: 12 };
export const MAX_FIRST_PASSES = 3;

// docs/encoding.md, Second pass

/** A clip in one piece is asked for this much less than its room. */
export const WHOLE_MARGIN = 0.0065;
/** Share of its fair part that the first of several segments is asked for. */
export const FIRST_AIM = 0.99;
/** The last segment leaves this share of the whole free: nothing after it makes up for its misses. */
export const LAST_MARGIN = 0.004;
export const MIN_LAST_AIM = 0.9;
/** What x264 leaves unused, in average frames: this, plus so much per doubling of the first pass's bytes against the result's. */
export const UNUSED_FRAMES = -0.05;
export const UNUSED_PER_DOUBLING = 0.6;
export const UNUSED_VARIABLE = -0.1;
export const MIN_UNUSED_FRAMES = -0.7;
export const MAX_UNUSED_FRAMES = 4;
/** The correction is full up to the first number of frames, and has faded out at the second. */
export const UNUSED_UP_TO = 200;
export const ALL_USED_FROM = 290;
/** Bounds on how much earlier segments correct the requests of later ones. */
export const MIN_BIAS = 0.9;
export const MAX_BIAS = 1.2;
/** From here on, a kilobit more or less is at most a fifth of a percent. */
export const WHOLE_KILOBITS_FROM = 500_000;

// docs/encoding.md, Tolerance

export const TOLERANCE_OF_SEGMENTS = 0.3;
export const TOLERANCE_OF_LAST = 0.05;
export const TOLERANCE_OF_WHOLE = 0.3;
/** For few frames a narrower one, but never less than this many frames, within bounds. */
export const TOLERANCE_OF_FEW = { least: 0.05, most: 0.1 };
export const TOLERANCE_IN_FRAMES = 1.3;
export const FEW_FRAMES = 200;
/** Below this, or once two attempts differ by more than SWINGS, rate control has nothing to steer with. */
export const VERY_FEW_FRAMES = 25;
export const SWINGS = 0.01;

// docs/encoding.md, Encoding again

export const AGAIN_AIM = 0.998;
/** The aim drops by this factor from the second overshooting attempt on. */
export const LOWER_AIM = 0.97;
/** A request grows by at most this factor from one attempt to the next. */
export const MAX_REQUEST_GROWTH = 4;
/** Full enough; and full enough where filling up would mean encoding most of it again. */
export const FULL = 0.9875;
export const NEARLY_FULL = 0.985;
/** This much less in the last segment does not show. */
export const MAX_CHANGE = 1 / 8;
/** The end that is encoded again can absorb this much more than the difference. */
export const DIFFERENCE_MARGIN = 1.1;
/** The largest share of the picture that is encoded again just to fill the size. */
export const MAX_REENCODED_SHARE = 0.35;
export const MAX_ROUNDS = 6;
/** Attempts that may be spent on filling up; on staying below the size, all of them may. */
export const MAX_UPWARD = 2;
export const MAX_ROUNDS_OF_FEW = 9;
export const MAX_UPWARD_OF_FEW = 5;
/** More bits were requested, and less than this share of them was used: the picture cannot use them. */
export const NO_USE_SHARE = 0.1;
/** Requests this close to each other, in logarithms, count as the same. */
export const SAME_REQUEST = 0.0002;

// docs/encoding.md, Parts

export const MAX_SEGMENT_S = 180;
/** Cuts fall on multiples of this, or on keyframes of the source within half of it. */
export const CUT_GRID_S = 5;
/** A keyframe this share of a segment's length away is near. */
export const NEAR_KEYFRAME_SHARE = 0.2;
/** The next segment takes this share of the rest, until the rest is small compared with the whole. */
export const NEXT_SHARE = 0.6;
export const LAST_SHARE = 0.12;
/** A rest shorter than this many times the grid is one segment, too. */
export const LAST_GRIDS = 1.3;
/** A larger last segment is cut in two. */
export const LARGE_LAST_SHARE = 0.25;
/** Shorter than this, rate control has nothing to work with. */
export const MIN_SEGMENT_S = 0.8;
/** From this segment on, missing frames are missing in the source: cutting worked for the ones before. */
export const TRUSTED_FROM = 3;
/** How many frames a cut may be off if frames are dropped to reach a rate. */
export const CUT_SLACK_FRAMES = 2;
export const CUT_SLACK_SHARE = 0.05;
/** Transport streams are entered by their clock, which may land after the keyframe that is needed. */
export const SEEK_BACK_S = 11;
/** Seconds before a part from which its sound is read: with its own packets, not with those of the picture's keyframe. */
export const SOUND_SEEK_BACK_S = 10;

// docs/encoding.md, Several parts at once

/** Lines of a picture for each core that one encoder keeps busy. */
export const LINES_PER_CORE = 100;
/** What an encoder with its decoder needs at most, and which share of the memory all of them may have. */
export const MEMORY_OF_PART = { bytes: 100_000_000, perPixel: 350, perSourcePixel: 60 };
export const SHARE_OF_MEMORY = 0.5;
/** Where several are encoded at once, a film is not cut into shorter segments than this for everybody to have one. */
export const LEAST_AT_ONCE_S = 60;
/** x264's tolerance for segments encoded at once, whose misses nothing after them makes up for. */
export const TOLERANCE_OF_SEVERAL = 0.1;

// docs/encoding.md, AV1

/** On AV1's own scale: the counterparts of GOOD_CRF and HOPELESS_CRF. */
export const GOOD_CRF_AV1 = 60;
export const COARSEST_CRF_AV1 = 63;
/** The measuring pass's error, in steps: a smaller gain is no reason to try another picture size. */
export const MEASURED_MISS = 1;
/** The measuring pass runs at no coarser a quality: a prediction from beyond tells little. */
export const COARSEST_MEASURING_CRF = 60;
/** How often the measuring pass may choose another picture size. */
export const MAX_SIZE_CHANGES = 2;
/** A pass takes as long as both of x264's: a restart in a long film loses no more than this. */
export const MAX_SEGMENT_AV1_S = 60;
/** The first segment is encoded again if the measuring pass was wrong by more than this, in logarithms. */
export const FAR_FROM_MEASURED = 0.2;
/** Bytes of an encode per byte of the measuring pass at the same quality, until something is known about this clip. */
export const ENCODE_OVER_MEASURING = 0.95;
/** Decides by structural similarity instead of squared error. */
export const SVT_TUNE = 2;
export const SVT_MAX_CRF = 63;
export const SVT_MAX_PARALLELISM = 6;
/** Frame types whose lambda can be changed, and the number that means no change. */
export const SVT_FRAME_KINDS = 7;
export const SVT_LAMBDA_UNIT = 128;
/** This many doublings of lambda halve the bits. */
export const LAMBDA_DOUBLINGS_PER_HALF = 2.5;
/** How many steps of the first miss, and of any later one, lambda alone makes up for. */
export const MAX_BY_LAMBDA = 1.5;
/** The aim is lowered by this share of the distance to the nearest attempt, within bounds. */
export const AIM_DOUBT = 0.1;
export const MIN_AIM_DOUBT = 0.0025;
export const MAX_AIM_DOUBT = 0.0045;
/** How much more or less than usual the bits of a clip may fall with its quality. */
export const MIN_STEEPNESS = 0.5;
export const MAX_STEEPNESS = 1.7;
/** Steps between which bytes are expected to differ. */
export const MIN_QUALITY_STEP = 0.04;

// docs/hardware.md, What is measured

/** Steps of CRF that one pass on a graphics card looks coarser than two of x264 at the same size: of the stand-ins, marked as such. */
export const HARDWARE_COSTS_CRF = 3;
/** Attempts into a size before the processor takes over. */
export const HARDWARE_ROUNDS = 3;
/** Share of the room that the first attempt and later ones are asked for. */
export const HARDWARE_FIRST_AIM = 0.99;
export const HARDWARE_AGAIN_AIM = 0.994;
/** A result this full counts once no attempt is left. */
export const HARDWARE_ENOUGH = 0.97;
/** Below this similarity it is not the picture that was encoded: drivers have painted everything green. */
export const HARDWARE_MIN_SSIM = 0.6;
/** An encoder that failed so often in a row is left alone for so long, ms. */
export const HARDWARE_REST = { failures: 3, ms: 3_600_000 };
/** A child that encodes on a device and makes no progress for this long hangs, ms. */
export const HARDWARE_STALL_MS = 180_000;
/** Into how many parts a film is cut whose encoder takes no bit rate, how long each is at least, and how many are too few. */
export const PARTS_BY_STEPS = 12;
export const MIN_STEPS_PART_S = 4;
export const LEAST_PARTS_BY_STEPS = 4;
/** Steps of a constant quantiser that halve the bits. */
export const QP_PER_HALF = 6;

// docs/encoding.md, Threads and memory

/** Pixels of a whole film below which one thread does everything. */
export const ONE_THREAD_BELOW_PIXELS = 5e8;
export const MEMORY_BYTES = 4 * 2 ** 30;
export const MEMORY_PER_PIXEL = 400;

// docs/encoding.md, Timestamps

/** An even division of the frame rate is taken unless it loses more than this allows. */
export const EVEN_RATE_SHARE = 0.8;
/** An offset of more than this between sound and picture is noticeable. */
export const AUDIBLE_S = 0.1;
/** More than this is cut off, and said: it is a stray packet with an old clock, and silence would be encoded in between. */
export const MAX_LEAD_S = 600;
/** Above, a frame more or less is no more than rounding. */
export const EXACT_LENGTH_BELOW_FPS = 24.9;
/** A start further apart than this is not an offset but a different clock. */
export const MAX_DELAY_S = 1;

// docs/encoding.md, Colours

/** Brightness of white in tone mapping, candelas per square metre. */
export const HDR_WHITE = 100;

// docs/encoding.md, Verifying

/** Share of the frames a result may lack; for a short clip this many seconds, within a share. */
export const MAX_LOST_SHARE = 0.02;
export const MAX_LEADING_S = 0.2;
export const MAX_LEADING_SHARE = 1 / 8;
/** How much a dropped or lost frame at the end may shorten the result beyond its own length, seconds. */
export const DURATION_SLACK_S = 0.05;

// docs/encoding.md, Time estimates

/** Encoding time relative to one pass with `veryfast` at full size. */
export const TIMES = {
  h264: { fast: 1.4, balanced: 2.2, best: 4 },
  h265: { fast: 4, balanced: 9, best: 30 },
  av1: { fast: 3.5, balanced: 6, best: 11 },
};
/** One pass instead of two. */
export const ONE_PASS_TIME = 0.7;
/** Share of the time a smaller picture does not save: the source is decoded all the same. */
export const DECODING_SHARE = 0.35;
/** Shares of a job's time, for its progress bar. */
export const WORK_SHARE = {
  ...{ sample: 0.02, sound: 0.05, pass1: 0.27, pass2: 0.58, onePass: 0.8, join: 0.03, compare: 0.02 },
  ...{ fixTimestamps: 0.05, copy: 0.5, checkCopy: 0.5, playSound: 0.01 },
};

/** What is added to a result that takes its source's place: a mark of a few hundred bytes. */
export const MARK_ROOM = 1024;
