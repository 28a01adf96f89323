/** English phrases. The longest match wins (see parse.ts), so a phrase may contain words that mean something else alone. */
import {
  FILLER,
  GRANTED,
  han,
  latin,
  setBytes,
  before,
  type Phrase,
  setFps,
  setShare,
  UNCLEAR,
  sets,
  MUTE,
  KEEP_AUDIO,
  AUTO,
  MAX,
  ANY_LOOK,
  GOOD_LOOK,
} from './phrase.ts';
import { ENGLISH_NUMERALS } from './numerals.ts';
import {
  countedSizes,
  exactly,
  FRAME_RATE,
  fromTo,
  PLAIN_NUMBER,
  percentShare,
  RESOLUTION,
  readCount,
  SIZE,
} from './quantities.ts';
import { fileRates } from './rates.ts';
import { trims } from './trims.ts';

const KEEP_RESOLUTION = sets({ field: 'resolution', value: 'keep' });
const KEEP_FPS = sets({ field: 'fps', value: 'keep' });

const ITS = String.raw`(?:(?:the|its|this|that|my)\s+)?`;
const NOUN = String.raw`(?:videos?|clips?|files?|movies?|films?|recordings?|footage|screencasts?)`;
const FORMAT = String.raw`(?:mp4|mov|mkv|avi|webm|wmv|flv|m4v|mpe?g|mts|m2ts|3gp|ts)`;

const count = (text: string | undefined) => readCount(text, ENGLISH_NUMERALS);
const COUNT = `${PLAIN_NUMBER}|${ENGLISH_NUMERALS.pattern}`;
const PERCENT = String.raw`(${COUNT})\s*(?:%|percent|per\s?cent|pct)`;
const OF_SIZE = String.raw`(?:\s+(?:of\s+)?${ITS}(?:(?:original|current|source|full|file|video)\s+){0,2}(?:size|original|source))`;

const FRACTIONS: Readonly<Record<string, number>> = {
  half: 1 / 2,
  third: 1 / 3,
  quarter: 1 / 4,
  fourth: 1 / 4,
  fifth: 1 / 5,
  tenth: 1 / 10,
  twothirds: 2 / 3,
  threequarters: 3 / 4,
};
const FRACTION = String.raw`(half|(?:an?|one|1)[\s-]+(?:half|third|quarter|fourth|fifth|tenth)|two[\s-]thirds|three[\s-]quarters|[1-3]\/[2-9]|1\/10)`;
/** A bare fraction counts only where no noun of its own follows: not `half speed`, `a third person`. */
const NO_NOUN = String.raw`(?![\s-]+(?!(?:please|pls|thanks|and|with|without|at|in|but|or|no)(?![a-z]))[a-z])`;

const shares: Phrase[] = [
  latin(`${PERCENT}${OF_SIZE}?`, ([, n]) => percentShare(count(n), 'to')),
  latin(String.raw`by\s+(?:about\s+|around\s+)?${PERCENT}${OF_SIZE}?`, ([, n]) => percentShare(count(n), 'by')),
  latin(String.raw`sav(?:e|ing)\s+(?:about\s+|around\s+)?${PERCENT}`, ([, n]) => percentShare(count(n), 'by')),
  latin(String.raw`${PERCENT}\s+(?:smaller|less|off|reduction)`, ([, n]) => percentShare(count(n), 'by')),
  // `reduce it 30%` can mean to 30 % or by 30 %.
  latin(
    String.raw`(?:compress|reduce|shrink|decrease|lower)(?:\s+(?:it|this|the|my|its|file|video|clip|size|of)){0,5}[^\S\n]+(?:about\s+)?${PERCENT}(?!\s+(?:smaller|less|off|of))`,
    ([, text]) => (count(text) === 50 ? setShare(0.5) : UNCLEAR),
  ),
  latin(String.raw`(?:cut|split|chop|divide)\s+(?:it|this|that|${ITS}${NOUN})\s+(?:in|into|by)\s+half`, UNCLEAR),
  // `scale to 50%` and `resize it by half` can mean the file size or the width and height.
  latin(
    String.raw`(?:down)?(?:scale|scaling|resize|resizing)(?:\s+(?:it|this|that|the|my|its|video|clip|file|down|to|by|at|about|around)){0,6}\s+(?:${PERCENT}|${FRACTION})(?!\s+(?:of\s+)?(?:${ITS})?file\s?size)`,
    UNCLEAR,
  ),
  latin(`${FRACTION}${OF_SIZE}`, ([, text]) => setShare(fraction(text))),
  // Without an article only where the size is named: `third` may count something else.
  latin(`(third|quarter|fourth|fifth|tenth)${OF_SIZE}`, ([, text]) => setShare(fraction(text))),
  latin(String.raw`(?:(?:by\s+)?(\d{1,2})\s*(?:x|times)\s+(?:smaller|less)|by\s+(\d{1,2})\s*x)`, ([, a, b]) =>
    setShare(1 / Number(a ?? b)),
  ),
  latin(String.raw`${FRACTION}[\s-]sized?`, ([, text]) => setShare(fraction(text))),
  latin(
    String.raw`${FRACTION}\s+as\s+(?:big|large)(?:\s+as\s+(?:now|before|it\s+is(?:\s+now)?|the\s+original))?`,
    ([, text]) => setShare(fraction(text)),
  ),
  latin(String.raw`(?:to\s+)?(?:about\s+|around\s+)?${FRACTION}${NO_NOUN}`, ([, text]) => setShare(fraction(text))),
  latin(String.raw`by\s+(?:about\s+|around\s+)?${FRACTION}${NO_NOUN}`, ([, text]) => setShare(1 - fraction(text))),
  latin(String.raw`halve\s+(?:it|(?:${ITS}(?:(?:file|video)\s+)?size(?:\s+of)?))`, () => setShare(0.5)),
  latin(
    String.raw`(?:cut|reduce|bring)\s+${ITS}(?:(?:file|video)\s+)?size(?:\s+of\s+(?:this|the|my)\s+${NOUN})?\s+in\s+half`,
    () => setShare(0.5),
  ),
];

function fraction(text = ''): number {
  const [top, bottom] = text.split('/').map(Number);
  if (top && bottom) return top / bottom;
  const word = text
    .toLowerCase()
    .replace(/^(?:an?|one|1)[\s-]+/, '')
    .replace(/[\s-]/g, '');
  return FRACTIONS[word] ?? 0;
}

/** Describes the source, not the result: `this 4K video`, `from 1080p to`, `turn a 500MB MOV recording into`. */
const ATTRIBUTE = String.raw`(?:${SIZE}|${RESOLUTION}|${FRAME_RATE}|\.?${FORMAT}|large|big|huge|original|raw|iphone|gopro|phone|screen|hevc|h\.?26[45])`;
const DESCRIBED = String.raw`(?:${ATTRIBUTE}(?:\s+|\s*,\s*)){1,5}${NOUN}`;

/** `the original is 1080p`, `it's 500MB`: describes the source; the result only where a word says so. */
const QUANTITY = String.raw`(?:${SIZE}|${RESOLUTION}|${FRAME_RATE})`;
const QUANTITY_LIST = String.raw`${QUANTITY}(?:(?:\s+|\s*,\s*|\s+and\s+)${QUANTITY}){0,3}`;
const NOW = String.raw`(?:\s+(?:about|around|roughly|over|almost|nearly|only|just|now|currently|already|still)){0,3}`;
const THING = String.raw`(?:it|this|that|(?:the|this|that|my)\s+${NOUN}|(?:the|its|my)\s+(?:(?:file|video)\s+)?size)`;

const TO = String.raw`(?:\s*(?:->|=>|→)\s*|\s+(?:down\s+)?(?:to|into)\s+)`;

const source: Phrase[] = [
  latin(
    String.raw`(?:(?:the|my)\s+)?(?:original|source|input)(?:\s+${NOUN})?(?:['’]s|\s+(?:is|was|has))${NOW}(?:\s+an?)?\s+${QUANTITY_LIST}`,
    FILLER,
  ),
  latin(String.raw`${THING}\s+was${NOW}\s+${QUANTITY_LIST}`, FILLER),
  latin(String.raw`${THING}(?:['’]s|\s+(?:is|was))${NOW}\s+an?\s+${DESCRIBED}`, FILLER),
  latin(String.raw`${THING}(?:['’]s|\s+(?:is|has))${NOW}\s+${QUANTITY_LIST}`, UNCLEAR),
  latin(
    String.raw`(?:make\s+sure|ensure|so|until|such)(?:\s+that)?\s+${THING}(?:['’]s|\s+(?:is|has|stays|becomes))(?:\s+a)?`,
    FILLER,
  ),
  latin(String.raw`(?:this|that|these|those|my|our)\s+${DESCRIBED}`, FILLER),
  latin(
    String.raw`(?:turn|convert|compress|shrink|reduce|transcode|downscale|resize|squeeze)\s+(?:an?\s+|the\s+|some\s+|all\s+)?${DESCRIBED}(?=\s+(?:down\s+)?(?:to|into|under|below|so)\s)`,
    FILLER,
  ),
  latin(
    String.raw`from\s+(?:an?\s+)?${ATTRIBUTE}(?:\s+${ATTRIBUTE}){0,3}(?:\s+${NOUN})?(?=\s+(?:down\s+)?(?:to|into)\s)`,
    FILLER,
  ),
  ...fromTo(TO, SIZE),
  ...fromTo(TO, RESOLUTION, '(?:2160|1440|1080|720|480)(?![.,:\\d])'),
  ...fromTo(TO, FRAME_RATE),
  latin(
    String.raw`(?:(?:this|my|the|an?|all|these)\s+)?\.?${FORMAT}(?:\s+${NOUN})?\s+(?:in)?to\s+(?:an?\s+)?\.?mp4(?:\s+(?:format|file|video)s?)?`,
    GRANTED,
  ),
  latin(String.raw`(?:this|my|the|that)\s+\.?${FORMAT}(?:\s+${NOUN})?`, FILLER),
];

const sound: Phrase[] = [
  latin(String.raw`muted?(?:\s+(?:it|(?:the\s+)?(?:audio|sound|video|clip)))?`, MUTE),
  latin(
    String.raw`(?:no|without|w\/o|drop|remove|strip|delete|discard|minus|turn\s+off)\s+(?:(?:the|all|any|its)\s+){0,2}(?:sounds?|audio)(?:\s+tracks?)?`,
    MUTE,
  ),
  latin(String.raw`(?:the\s+)?(?:sound|audio)\s+(?:off|removed|muted)`, MUTE),
  latin('silent(?:ly)?', MUTE),
  latin(
    String.raw`(?:keep|keeping|with|preserve|leave|retain)\s+(?:(?:the|its|original|same|all)\s+){0,3}(?:audio|sound)(?:\s+tracks?)?(?:\s+(?:as\s+(?:it\s+)?is|unchanged|intact))?`,
    KEEP_AUDIO,
  ),
  latin(String.raw`(?:same|original)\s+(?:audio|sound)`, KEEP_AUDIO),
  latin(
    String.raw`(?:don['’]?t|do\s+not|never|without)\s+(?:remov(?:e|ing)|drop(?:ping)?|strip(?:ping)?|delet(?:e|ing)|los(?:e|ing)|mut(?:e|ing)|touch(?:ing)?|chang(?:e|ing))\s+(?:the\s+|its\s+)?(?:audio|sound)`,
    KEEP_AUDIO,
  ),
  latin(String.raw`(?:in\s+|with\s+)?aac(?:\s+audio)?`, GRANTED),
];

const RATE_WORDS = {
  rate: String.raw`bit[\s-]?rate`,
  whole: String.raw`(?:video|file|total|overall)\s+`,
  second: String.raw`(?:per|a)\s+sec(?:ond)?`,
  link: String.raw`of|to|at|is|at\s+(?:the\s+)?most|under|below|up\s+to|max(?:imum)?|no\s+more\s+than|about|around`,
};

const counted: Phrase[] = [
  ...fileRates(RATE_WORDS),
  ...countedSizes(ENGLISH_NUMERALS),
  ...exactly('(?:exactly|precisely)'),
  latin(String.raw`half\s+an?\s+(?:gb|gigs?|gigabytes?)`, () => setBytes(500_000_000)),
  latin(String.raw`(${ENGLISH_NUMERALS.pattern})\s+(?:fps|frames?\s*(?:per|a)\s*sec(?:ond)?)`, ([, n]) =>
    setFps(count(n)),
  ),
];

const KEEPING = String.raw`(?:(?:only|just|keep|take|use|include|extract|export|save|send|want|show|give\s+(?:me|us)|i\s+(?:only\s+|just\s+)?(?:want|need)|(?:cut|trim|clip|shorten)\s+(?:(?:it|this|(?:the|this|my)\s+${NOUN})\s+)?(?:down\s+)?to)\s+){0,3}(?:the\s+)?(?:very\s+)?`;
const CUTTING = String.raw`(?:skip(?:ping)?|cut(?:ting)?(?:\s+(?:off|out|away))?|remove|removing|drop|delete|discard|omit|lose|without|minus|leave\s+out|chop(?:\s+off)?|strip|take\s+(?:off|away)|trim\s+(?:off|away)|get\s+rid\s+of)\s+(?:the\s+)?(?:very\s+)?`;
const RANGE = String.raw`\s*(?:to|until|till|through|-|–|—)\s*`;

const excerpts = trims({
  count: COUNT,
  // The article of `a minute`.
  read: text => (/^an?$/i.test(text) ? 1 : count(text)),
  units: ['hours?|hrs?|h', 'minutes?|mins?|m', 'seconds?|secs?|s'],
  single: 'hour|minute|second',
  and: 'and|,',
  half: `and\\s+a\\s+half(?!${OF_SIZE})`,
  start: String.raw`(?:the\s+)?(?:start|beginning)`,
  end: String.raw`(?:the\s+)?(?:very\s+)?end`,
  says: {
    first: [String.raw`${KEEPING}first\s+{t}(?:\s+only)?`],
    last: [String.raw`${KEEPING}(?:last|final)\s+{t}(?:\s+only)?`],
    'without-first': [
      String.raw`${CUTTING}first\s+{t}(?:\s+(?:off|out|away))?`,
      String.raw`(?:the\s+)?first\s+{t}\s+(?:off|removed|skipped|cut(?:\s+(?:off|out))?)`,
    ],
    'without-last': [
      String.raw`${CUTTING}(?:last|final)\s+{t}(?:\s+(?:off|out|away))?`,
      String.raw`(?:the\s+)?(?:last|final)\s+{t}\s+(?:off|removed|cut(?:\s+(?:off|out))?)`,
    ],
    range: [
      String.raw`${KEEPING}(?:(?:part|section|bit|piece|scene)\s+)?(?:(?:trim(?:med)?|clip)\s+(?:(?:it|this)\s+)?)?from\s+{a}${RANGE}{b}`,
      String.raw`${KEEPING}(?:(?:part|section|bit|piece|scene)\s+)?between\s+{a}\s+and\s+{b}`,
      `${KEEPING}{a}${RANGE}{b}`,
      String.raw`${KEEPING}(?:from\s+)?{x}${RANGE}{b}`,
    ],
    from: [
      String.raw`${KEEPING}from\s+{a}(?:\s+on(?:wards?)?)?`,
      String.raw`(?:start(?:ing)?|begin(?:ning)?)\s+(?:at|from)\s+{a}`,
      String.raw`${CUTTING}(?:everything|all|anything)\s+before\s+{a}`,
    ],
    until: [
      String.raw`${KEEPING}(?:(?:up\s+)?(?:until|till)\s+{b}|up\s+to\s+{c})`,
      String.raw`(?:end(?:ing)?|stop(?:ping)?)\s+at\s+{b}`,
      String.raw`${CUTTING}(?:everything|all|anything)\s+after\s+{b}`,
    ],
    unclear: [
      // A share of the size, or more of the minute?
      String.raw`(?:${KEEPING}|${CUTTING})(?:first|last|final)\s+{t}\s+and\s+(?:an?|one)\s+(?:third|quarter|fourth|fifth|tenth)(?!${OF_SIZE})`,
      String.raw`(?:trim|clip|crop|shorten)\s+(?:the\s+)?(?:very\s+)?(?:first|last|final)\s+{t}`,
      String.raw`${CUTTING}(?:(?:part|section|bit|piece|scene)\s+)?(?:from\s+|between\s+)?{a}(?:${RANGE}|\s+and\s+){b}`,
    ],
  },
});

const codecs: Phrase[] = [latin('(?:video\\s+)?codec', { kind: 'beside', where: 'before', of: 'codec' })];

const DEGREE = String.raw`(?:(?:any|visible|visibly|noticeable|noticeably|obvious|perceptible|much|too|significant|significantly|really|real|the|its|of|in|image|picture|video|visual)\s+){0,4}`;
const LOSING = String.raw`(?:los(?:ing|e|s)|sacrific(?:ing|e)|reduc(?:ing|e|tion)|hurt(?:ing)?|damag(?:ing|e)|degrad(?:ing|e|ation)|compromis(?:ing|e)|lower(?:ing)?|affect(?:ing)?|decreas(?:ing|e)|ruin(?:ing)?|drop(?:ping)?)`;
const WITHOUT = String.raw`(?:with\s?out|w\/o|no|not|zero|don['’]?t|do\s+not|never|avoid)`;

const quality: Phrase[] = [
  latin(String.raw`${WITHOUT}\s+${DEGREE}${LOSING}\s+${DEGREE}(?:quality|detail|details|clarity|sharpness)`, AUTO),
  latin(String.raw`${WITHOUT}\s+${DEGREE}quality\s+(?:loss|losses|degradation|drop)`, AUTO),
  latin(String.raw`${WITHOUT}\s+${DEGREE}(?:loss|degradation|difference)`, AUTO),
  latin(String.raw`(?:(?:visually|perceptually)\s+)?lossless(?:ly)?(?:\s+(?:quality|compression))?`, AUTO),
  latin(
    String.raw`(?:keep|keeping|preserve|preserving|maintain|maintaining|retain|retaining|with|at|in)\s+(?:(?:the|its|a|good|high|great|same|original|decent|full|video|image|picture|visual|reasonable|acceptable|as|much)\s+){1,4}quality(?:\s+(?:as\s+)?(?:high|good|the\s+same|intact|as\s+possible))?`,
    AUTO,
  ),
  latin(String.raw`(?:keep|preserve|maintain|retain)(?:ing)?\s+quality`, AUTO),
  latin(String.raw`(?:still\s+)?look(?:s|ing)?\s+(?:still\s+)?(?:good|great|nice|decent|fine|the\s+same|sharp)`, AUTO),
  latin(
    String.raw`without\s+(?:(?:making|having)\s+(?:it|the\s+(?:video|picture))\s+)?look(?:ing)?\s+(?:too\s+)?(?:bad|worse|blurry|awful|terrible)`,
    AUTO,
  ),
  latin(
    String.raw`(?:good|high|great|decent|same|original|excellent|nice|reasonable|acceptable|full)[\s-]quality`,
    AUTO,
  ),
  latin(
    String.raw`(?:(?:in|at|with|keep|keeping)\s+)?(?:the\s+)?(?:best|highest|max(?:imum)?|top)\s+(?:possible\s+)?(?:(?:video|image|picture)\s+)?quality(?:\s+possible)?`,
    MAX,
  ),
  latin(
    String.raw`(?:the\s+)?(?:low(?:er)?|bad|poor|worse|less)\s+quality\s+is\s+(?:fine|ok(?:ay)?|acceptable|good\s+enough|no\s+problem)`,
    ANY_LOOK,
  ),
  latin(
    String.raw`(?:the\s+)?quality\s+(?:doesn['’]?t|does\s+not|isn['’]?t|is\s+not)\s+(?:matter|important)`,
    ANY_LOOK,
  ),
  latin(
    String.raw`(?:(?:no\s+matter|regardless\s+of|(?:(?:i|we)\s+)?don['’]?t\s+care)\s+how\s+(?:(?:bad(?:ly)?|awful|ugly|terrible)\s+)?(?:it|this|the\s+(?:video|picture|result))\s+(?:looks?|will\s+look|gets?|is)|(?:no\s+matter|regardless\s+of)\s+(?:the|its)\s+(?:quality|looks?))`,
    ANY_LOOK,
  ),
  latin(
    String.raw`keep(?:ing)?\s+(?:it|this|the\s+picture)\s+(?:looking\s+)?good|(?:as\s+long\s+as|only\s+if|if)\s+(?:it|that|this)\s+(?:still\s+)?looks\s+good|(?:it\s+)?(?:must|has\s+to|needs\s+to)\s+(?:still\s+)?look\s+good`,
    GOOD_LOOK,
  ),
  latin(String.raw`quality\s*[:=]?\s*max(?:imum)?`, MAX),
  latin(String.raw`as\s+(?:high|good)(?:\s+a)?\s+quality\s+as\s+possible`, MAX),
];

const kept: Phrase[] = [
  latin(
    String.raw`(?:(?:keep|keeping|preserve|leave|at|in|with)\s+)?(?:the\s+)?(?:same|original|current|source)\s+(?:resolution|dimensions)`,
    KEEP_RESOLUTION,
  ),
  latin(
    String.raw`(?:keep|preserve|leave|don['’]?t\s+change|do\s+not\s+change|without\s+changing)\s+(?:the\s+|its\s+)?(?:resolution|dimensions)`,
    KEEP_RESOLUTION,
  ),
  latin(
    String.raw`(?:don['’]?t|do\s+not|never|without|no)\s+(?:resiz(?:e|ing)|downscal(?:e|ing)|rescal(?:e|ing)|scaling)(?:\s+it)?`,
    KEEP_RESOLUTION,
  ),
  latin(
    String.raw`(?:(?:keep|preserve|leave|at)\s+)?(?:the\s+)?(?:same|original|current|source)\s+(?:frame\s?rate|fps)`,
    KEEP_FPS,
  ),
  latin(String.raw`(?:keep|preserve|leave|don['’]?t\s+change)\s+(?:the\s+|its\s+)?(?:frame\s?rate|fps)`, KEEP_FPS),
  latin(String.raw`(?:don['’]?t|do\s+not|never|without|no)\s+upscal(?:e|ing)(?:\s+it)?`, GRANTED),
  latin(
    String.raw`(?:keep|preserve)\s+(?:(?:the|all|any)\s+){0,2}(?:subtitles?|subs|metadata|location|creation\s+(?:date|time)|(?:audio\s+)?tracks)`,
    GRANTED,
  ),
];

const smaller: Phrase[] = [
  latin(String.raw`as\s+small\s+as\s+(?:possible|you\s+can|it\s+gets|it\s+can\s+be)`, {
    kind: 'granted',
    smallest: true,
  }),
  latin(String.raw`(?:the\s+)?smallest(?:\s+possible)?(?:\s+(?:file\s+)?size|\s+file)?(?:\s+possible)?`, {
    kind: 'granted',
    smallest: true,
  }),
  latin(String.raw`minimi[sz]e\s+(?:it|${ITS}(?:file\s+)?size)`, { kind: 'granted', smallest: true }),
  latin(String.raw`(?:max(?:imum)?|strong|heavy|good)\s+compression`, { kind: 'granted', smallest: true }),
  latin(
    String.raw`(?:(?:a\s+(?:bit|little|lot)|much|way|slightly|significantly|somewhat)\s+)?(?:smaller|lighter)`,
    GRANTED,
  ),
  latin(
    'small|tiny|compact|less\\s+space|(?:too|very|so|really)\\s+(?:large|big|huge)|sav(?:e|ing)\\s+(?:(?:disk|some|storage)\\s+)?space',
    GRANTED,
  ),
  latin(String.raw`(?:an?\s+)?\.?(?:mp4|mpeg-?4)(?:\s+(?:format|file|video|container)s?)?`, GRANTED),
  latin(
    String.raw`(?:for|to|so\s+(?:that\s+)?(?:i|we|you)\s+can|ready\s+(?:for|to))\s+(?:(?:easy|easily|quick|quickly|faster)\s+)?(?:sharing|share|sending|send|uploading|upload|uploads|posting|post|attaching|attach|streaming|stream)(?:\s+(?:it|this|them|online))?`,
    GRANTED,
  ),
  latin(
    String.raw`(?:for|on)\s+(?:(?:the|my|any|every)\s+)?(?:web|website|internet|phones?|mobile(?:\s+phones?)?|iphone|ipad|android|tv|computer|browsers?)`,
    GRANTED,
  ),
  latin(
    String.raw`(?:that\s+)?plays?\s+(?:everywhere|anywhere|on\s+(?:any|every|all)\s+(?:devices?|phones?))`,
    GRANTED,
  ),
];

const LOWERED = String.raw`(?:(?:lower|drop|decrease|cut|bring)(?:ing)?(?:\s+down)?\s+(?:the\s+|its\s+)?)?`;

const bounds: Phrase[] = [
  latin(
    String.raw`under|below|beneath|within|at\s+(?:the\s+)?(?:most|max(?:imum)?)|up\s+to|(?:no|not)\s+(?:more|bigger|larger|greater|higher|over)(?:\s+than)?|(?:less|lower|smaller|fewer|lighter)\s+th[ae]n|(?:not|never|doesn['’]?t|don['’]?t)\s+(?:to\s+)?exceed(?:ing|s)?|(?:must|should|may|can)\s?(?:not|['’]t)\s+(?:exceed|be\s+(?:over|above|more\s+than|larger\s+than|bigger\s+than))`,
    before(),
  ),
  latin(
    String.raw`(?:(?:file|size|upload|attachment)\s+)?(?:max(?:imum)?\.?|limit(?:ed)?|cap(?:ped)?|budget)(?:\s+(?:file\s+)?size)?(?:\s+(?:of|to|at|is))?`,
    { kind: 'beside', where: 'either' },
  ),
  latin(String.raw`(?:or|and)\s+(?:less|smaller|under|below|lower|fewer)|tops|at\s+most|maximum`, {
    kind: 'beside',
    where: 'either',
  }),
  // The upper number is the limit.
  latin(
    String.raw`between\s+${PLAIN_NUMBER}\s*(?:ki?b|m(?:i?b)?|g(?:i?b)?)?\s+(?:and|to)(?=\s+${SIZE})`,
    before('size'),
  ),
  latin(
    String.raw`(?:keep(?:ing)?|stay(?:ing)?)(?:\s+(?:it|this))?(?:\s+(?:at|in))?(?=\s+(?:${RESOLUTION}|${FRAME_RATE}))`,
    before(),
  ),
  latin(String.raw`${LOWERED}resolution(?:\s+(?:down\s+)?(?:of|to|at|is))?`, before('resolution')),
  latin(String.raw`(?:lower|drop|go|bring)(?:\s+(?:it|this))?(?:\s+down)?\s+to`, before()),
  latin(String.raw`${LOWERED}frame\s?rate(?:\s+(?:down\s+)?(?:of|to|at|is))?`, before('fps')),
  latin(String.raw`${LOWERED}frame\s?rate\s*(?:of|to|at|is|:|=)?\s*(?:max(?:imum)?\s+)?(\d{1,3})`, ([, fps]) => {
    const value = Number(fps);
    return value >= 1 && value <= 240 ? sets({ field: 'fps', value }) : undefined;
  }),
  latin('about|around|approximately|approx\\.?|roughly|circa', before()),
];

const fillers: Phrase[] = [
  latin(
    String.raw`(?:can|could|would|will)\s+(?:you|u)(?:\s+(?:please|pls|kindly))?|i\s*(?:['’]d)?\s+(?:like|want|need)(?:\s+(?:you\s+to|to|it|this))?|i['’]d\s+like|thank\s+you(?:\s+very\s+much)?|keep\s+(?:it|this|that|${ITS}(?:file\s+)?size|${ITS}file)|(?:cut|bring|get|take)\s+(?:it|this|${ITS}(?:file\s+)?size|${ITS}${NOUN})\s+down|down\s+to|cut\s+${ITS}(?:file\s+)?size|keep(?=\s+(?:under|below|within|at|to)\s)|for\s+(?:me|us)|give\s+(?:me|us)|send\s+me|so\s+(?:that\s+)?it|it['’]s`,
    FILLER,
  ),
];

/** Words without a meaning of their own. Not here: whatever negates, limits, chooses or counts (not, only, or, first). */
export const FILLER_WORDS: ReadonlySet<string> = new Set(
  `a an the this that these those it its my our your me us i we you u to into in at as with and of for is be are was should must will would could can need want have has get
   please pls plz kindly thanks thx hi hello hey just so then also but now ok okay well here there which while using use by-means
   video videos clip clips movie movies film films file files recording recordings footage screencast size sized target targets version output result results format
   compress compressed compressing compression shrink shrinking shrunk reduce reduced reducing convert converted converting conversion export exported save saved encode encoded
   re-encode reencode re-encoded transcode transcoded make making made turn turned change changed set resize resized downscale downscaled downsize scale scaled down render rendered
   squeeze squeezed optimize optimise optimized optimised
   large big huge original whole entire all each every any fit fits fitting enough reasonably nicely attached`.split(
    /\s+/,
  ),
);

/** Signs in place of words. */
export const SIGNS: readonly Phrase[] = [han('<=?|≤|~|≈', before())];

export const ENGLISH: readonly Phrase[] = [
  ...shares,
  ...source,
  ...sound,
  ...counted,
  ...excerpts,
  ...codecs,
  ...quality,
  ...kept,
  ...smaller,
  ...bounds,
  ...fillers,
];
