/** Fifty files of all kinds for a clone without footage, with what must become of each. ffmpeg makes them (`test/support/footage.ts`). */
import type { Kind } from '../../../../src/core/inventory.ts';
import type { FootageName } from '../../../support/footage.ts';
import type { Verdict } from './trial.ts';

export interface Made {
  /** What of `core/inventory.ts` it holds besides picture and sound. */
  kinds?: readonly Kind[];
  /** Small, then generous; `ok` for both where nothing is said. */
  expect?: readonly [Verdict, Verdict];
  /** A sentence or note that must be there. */
  says?: RegExp;
}

const REFUSED = ['refused', 'refused'] as const;

export const MADE: Partial<Record<FootageName, Made>> = {
  plain: { kinds: ['picture', 'sound'] },
  trailer: { kinds: ['unread'], says: /behind the end of the film/ },
  fragmented: {},
  vfr: { kinds: ['cadence'] },
  odd: { kinds: ['depth'], says: /colour depth/ },
  rotated: { kinds: ['rotation'] },
  anamorphic: { kinds: ['sample-aspect'] },
  tracks: { kinds: ['subtitles'] },
  styled: { kinds: ['subtitles', 'attachment'], says: /attachment/ },
  hdr10: { kinds: ['hdr', 'depth', 'colour'] },
  tenBits: { kinds: ['depth', 'colour'] },
  fullRange444: { kinds: ['range', 'depth'] },
  interlaced: { kinds: ['interlacing'] },
  transport: {},
  lateSound: {},
  sync: {},
  syncTransport: {},
  syncLate: {},
  soundFirst: { kinds: ['early-sound'] },
  lastStays: { kinds: ['last-picture'] },
  syncEdit: { kinds: ['hidden-frames'] },
  joined: {},
  turned: { kinds: ['shapes'], says: /black bars/ },
  msmpeg4: {},
  webm: {},
  sixty: {},
  still: {},
  chapters: { kinds: ['chapters', 'date', 'place', 'tags'] },
  timecode: { kinds: ['data'], says: /time code/ },
  cover: { kinds: ['cover'], says: /cover art/ },
  surround: {},
  surroundFlac: {},
  leftRight: {},
  undecodableSound: { says: /apac/ },
  emptySound: { kinds: ['empty-track'], says: /without sound/ },
  twoSounds: {},
  commentary: { kinds: ['track-title'] },
  captionsH264: { kinds: ['captions'] },
  captionsMpeg2: { kinds: ['captions'] },
  stillBesideFilm: { kinds: ['second-picture'], says: /another picture track/ },
  longTag: { kinds: ['tags'] },
  sphere: { kinds: ['projection'] },
  sideBySide: { kinds: ['stereo'] },
  dolbyVision5: { kinds: ['dolby-vision'], expect: ['refused', 'ok'] },
  dolbyVision8: { kinds: ['dolby-vision'] },
  secondEye: { kinds: ['second-eye'], says: /second eye/ },
  transparent: { kinds: ['alpha'], says: /transparency/ },
  mirrored: { kinds: ['mirroring'] },
  encrypted: { expect: REFUSED, says: /copy-protected/ },
  soundOnly: { expect: REFUSED, says: /no video|sound/ },
};
