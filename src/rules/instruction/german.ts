/** German phrases, without accents: the text is stripped of them first. `ue` for `ü` and the like are read as well. */
import { GERMAN_NUMERALS } from './numerals.ts';
import {
  FILLER,
  GRANTED,
  latin,
  type Phrase,
  before,
  setFps,
  setShare,
  sets,
  UNCLEAR,
  type Vocabulary,
  MUTE,
  KEEP_AUDIO,
  AUTO,
  MAX,
  ANY_LOOK,
  GOOD_LOOK,
  SMALLEST,
  setSmallerBy,
} from './phrase.ts';
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

const COUNT = `(${PLAIN_NUMBER}|${GERMAN_NUMERALS.pattern})`;
const count = (text: string | undefined) => readCount(text, GERMAN_NUMERALS);

const THE = String.raw`(?:(?:de[rnms]|die|das|dies(?:e[rnms]?)?|mein(?:e[rnms]?)?|sein(?:e[rnms]?)?|alle)\s+)?`;
const ORIGINAL = '(?:original|ursprungs|ausgangs|datei|video)';
const SIZE_NOUN = String.raw`(?:${ORIGINAL}?gr(?:o|oe)(?:ß|ss)e|originals?|${ORIGINAL}?datei)`;
const OF_SIZE = String.raw`(?:\s+(?:von\s+)?${THE}(?:ursprunglichen?\s+|originalen?\s+|jetzigen?\s+)?${SIZE_NOUN})?`;
const PERCENT = String.raw`${COUNT}\s*(?:%|prozent)`;
const FRACTIONS: Readonly<Record<string, number>> = {
  halfte: 1 / 2,
  haelfte: 1 / 2,
  drittel: 1 / 3,
  viertel: 1 / 4,
  funftel: 1 / 5,
  fuenftel: 1 / 5,
  zehntel: 1 / 10,
};
const FRACTION = String.raw`(?:(?:die|der|ein(?:e[mn]?)?)\s+)?(halfte|haelfte|drittel|viertel|funftel|fuenftel|zehntel)`;
const fraction = (text = '') => FRACTIONS[text.toLowerCase()] ?? 0;

const shares: Phrase[] = [
  latin(`(?:auf\\s+)?${PERCENT}${OF_SIZE}`, ([, n]) => percentShare(count(n), 'to')),
  latin(`um\\s+(?:etwa\\s+|rund\\s+)?${PERCENT}`, ([, n]) => percentShare(count(n), 'by')),
  latin(`${PERCENT}\\s+(?:kleiner|weniger|leichter)`, ([, n]) => percentShare(count(n), 'by')),
  latin(`(?:auf\\s+)?${FRACTION}${OF_SIZE}`, ([, part]) => setShare(fraction(part))),
  latin(`um\\s+${FRACTION}`, ([, part]) => setSmallerBy(fraction(part))),
  latin(String.raw`halb\s+so\s+(?:gro(?:ß|ss)|schwer)|halbe\s+(?:datei)?gr(?:o|oe)(?:ß|ss)e|halbier(?:en|e|t)?`, () =>
    setShare(0.5),
  ),
  // Scaling to a share can mean the file size or the width and height.
  latin(`skalier(?:en|e|t)?\\s+(?:auf|um)\\s+(?:${PERCENT}|${FRACTION})`, UNCLEAR),
];

const TO = String.raw`\s+(?:auf|zu|nach|in)\s+`;

const source: Phrase[] = [
  ...['von', 'aus'].flatMap(from => [SIZE, RESOLUTION, FRAME_RATE].flatMap(kind => fromTo(TO, kind, kind, from))),
];

const RATE_WORDS = {
  rate: 'bit-?rate|datenrate',
  whole: String.raw`(?:gesamt|video)(?:\s*-\s*)?`,
  second: String.raw`(?:pro|je|die)\s+sekunde`,
  link: String.raw`von|auf|ist|hochstens|hoechstens|maximal|max\.?|unter|bis(?:\s+zu)?|etwa`,
};

const rates: Phrase[] = [
  ...fileRates(RATE_WORDS),
  ...countedSizes(GERMAN_NUMERALS),
  ...exactly('(?:genau|exakt)'),
  latin(`${COUNT}\\s*(?:bilder|frames)\\s*(?:pro|je|die|in\\s+der|\\/)\\s*(?:sekunde|s(?:ek)?)`, ([, n]) =>
    setFps(count(n)),
  ),
  latin(`bildrate\\s*(?:von|auf|:|=)?\\s*(\\d{1,3})`, ([, n]) => setFps(Number(n))),
];

const THE_LAST = String.raw`(?:(?:die|der|das|den)\s+)?letzten?[rs]?\s+`;
const THE_FIRST = String.raw`(?:(?:die|der|das|den)\s+)?erste[nrs]?\s+`;
const KEEPING =
  '(?:(?:nur|behalte|behalten|nimm|nehmen|zeige?|auf|bloß|bloss|lediglich|ich\\s+(?:will|mochte|brauche))\\s+){0,3}';
const CUTTING = String.raw`(?:ohne|entferne|losche|loesche|uberspringe|ueberspringe|uberspring|streiche|kurze\s+um)\s+`;
const CUT_OFF =
  '(?:abschneiden|wegschneiden|rausschneiden|herausschneiden|entfernen|weglassen|loschen|loeschen|uberspringen|ueberspringen|weg|raus|ab|streichen|auslassen)';
const CUT_IT = String.raw`(?:schneid(?:e|en)?|lass(?:e)?|nimm)\s+`;
const RANGE = String.raw`\s*(?:bis(?:\s+zu[mr]?)?|-|–|—)\s*`;

const excerpts = trims({
  count: `${PLAIN_NUMBER}|${GERMAN_NUMERALS.pattern}`,
  read: count,
  units: ['stunden?|std|h', 'minuten?|min|m', 'sekunden?|sek|s'],
  single: 'stunde|minute|sekunde',
  and: 'und|,',
  start: '(?:anfang|beginn)',
  end: '(?:ende|schluss)',
  says: {
    first: [`${KEEPING}${THE_FIRST}{t}`],
    last: [`${KEEPING}${THE_LAST}{t}`],
    'without-first': [
      `${CUTTING}${THE_FIRST}{t}`,
      `${THE_FIRST}{t}\\s+${CUT_OFF}`,
      `${CUT_IT}${THE_FIRST}{t}\\s+(?:ab|weg|raus|heraus)`,
    ],
    'without-last': [
      `${CUTTING}${THE_LAST}{t}`,
      `${THE_LAST}{t}\\s+${CUT_OFF}`,
      `${CUT_IT}${THE_LAST}{t}\\s+(?:ab|weg|raus|heraus)`,
    ],
    range: [
      `${KEEPING}von\\s+{a}${RANGE}{b}`,
      `${KEEPING}zwischen\\s+{a}\\s+und\\s+{b}`,
      `${KEEPING}{a}${RANGE}{b}`,
      `${KEEPING}(?:von\\s+)?{x}${RANGE}{b}`,
    ],
    from: [`${KEEPING}ab\\s+{a}`],
    until: [`${KEEPING}bis(?:\\s+zu[mr]?)?\\s+{b}`],
    unclear: [
      `(?:kurze|kuerze|trimme|schneide)\\s+(?:${THE_FIRST}|${THE_LAST}){t}`,
      `${CUTTING}(?:von\\s+|zwischen\\s+)?{a}(?:${RANGE}|\\s+und\\s+){b}`,
      `(?:von\\s+|zwischen\\s+)?{a}(?:${RANGE}|\\s+und\\s+){b}\\s+${CUT_OFF}`,
    ],
  },
});

const TON = String.raw`(?:tonspur(?:en)?|ton|audio(?:spur(?:en)?)?|sound)`;
const REMOVE =
  '(?:entfernen?|weg(?:lassen|machen)?|raus(?:nehmen)?|loschen|loesche?n?|losche|aus(?:schalten)?|abschalten)';
const KEEP =
  '(?:bei)?behalten|behalte|erhalten|lassen|bewahren|bleibt|nicht\\s+(?:verandern|veraendern|entfernen|andern|aendern)';

const sound: Phrase[] = [
  latin(`(?:ohne|kein(?:en?)?)\\s+${THE}${TON}`, MUTE),
  latin(`${THE}${TON}\\s+${REMOVE}`, MUTE),
  latin('stumm(?:geschaltet|schalten)?|tonlos|lautlos', MUTE),
  latin(`mit\\s+${THE}${TON}`, KEEP_AUDIO),
  latin(`${THE}${TON}\\s+(?:${KEEP})`, KEEP_AUDIO),
  latin(`(?:behalte|lass)\\s+${THE}${TON}`, KEEP_AUDIO),
];

const GOOD = '(?:gut|hoh|hoch|gleichbleibend|ordentlich|brauchbar|voll|gleich|original|selb)(?:e[rnms]?)?';
const QUALITY = '(?:bild)?qualitat|(?:bild)?qualitaet';

const quality: Phrase[] = [
  latin(
    `ohne\\s+(?:(?:sichtbare[nr]?|merkliche[nr]?|gro(?:ß|ss)e[nr]?|viel|nennenswerte[nr]?)\\s+)?(?:(?:bild)?qualita(?:e)?ts)?(?:verluste?|einbu(?:ß|ss)en?|unterschied)`,
    AUTO,
  ),
  latin(`ohne\\s+(?:${THE}(?:${QUALITY})\\s+zu\\s+(?:verlieren|verschlechtern|mindern|verringern))`, AUTO),
  latin('(?:visuell\\s+)?verlustfrei(?:e[rnms]?)?', AUTO),
  latin(`(?:(?:in|mit|bei)\\s+)?${GOOD}\\s+(?:${QUALITY})`, AUTO),
  latin(`${THE}(?:${QUALITY})\\s+(?:soll\\s+)?(?:${KEEP}|gleich\\s+bleiben|nicht\\s+verschlechtern)`, AUTO),
  latin(
    `(?:(?:in|mit|bei)\\s+)?${THE}(?:best(?:moglich|moeglich)?|hochst|hoechst|maximal)e[rnms]?\\s+(?:${QUALITY})`,
    MAX,
  ),
  latin(`(?:${THE}(?:${QUALITY})|(?:das\\s+)?aussehen)\\s+(?:ist\\s+)?(?:egal|unwichtig|nebensache)`, ANY_LOOK),
  latin(
    String.raw`(?:ganz\s+)?egal,?\s+wie\s+(?:schlecht\s+)?(?:es|das)\s+(?:dann\s+)?aussieht|wie\s+es\s+aussieht,?\s+ist\s+(?:mir\s+)?egal`,
    ANY_LOOK,
  ),
  latin(
    String.raw`(?:es\s+)?(?:soll|muss)\s+(?:es\s+)?(?:aber\s+)?(?:noch\s+)?gut\s+(?:aussehen|bleiben)|(?:solange|sofern|nur\s+wenn)\s+es\s+(?:noch\s+)?gut\s+aussieht`,
    GOOD_LOOK,
  ),
];

const kept: Phrase[] = [
  latin(
    `(?:(?:gleiche|selbe|original)[rnms]?\\s*auflosung|originalaufloesung|${THE}(?:auflosung|aufloesung)\\s+(?:${KEEP}))`,
    sets({ field: 'resolution', value: 'keep' }),
  ),
  latin('nicht\\s+(?:skalieren|verkleinern\\s+im\\s+bild)', sets({ field: 'resolution', value: 'keep' })),
  latin(`(?:gleiche\\s+bildrate|${THE}bildrate\\s+(?:${KEEP}))`, sets({ field: 'fps', value: 'keep' })),
];

const smaller: Phrase[] = [
  latin(
    'so\\s+klein\\s+wie\\s+(?:moglich|moeglich|es\\s+geht)|(?:moglichst|moeglichst)\\s+klein|kleinst(?:moglich|moeglich)(?:e[rnms]?)?',
    SMALLEST,
  ),
  latin('(?:(?:etwas|viel|deutlich)\\s+)?(?:kleiner|leichter)|zu\\s+gro(?:ß|ss)|platz\\s+sparen', GRANTED),
  latin('(?:(?:als|in|ins|nach|zu)\\s+)?\\.?mp4(?:[\\s-]+(?:format|datei|video))?', GRANTED),
  latin(
    '(?:zum|fur(?:s)?|fuer(?:s)?)\\s+(?:teilen|verschicken|versenden|hochladen|handy|web|internet|fernseher)',
    GRANTED,
  ),
];

const bounds: Phrase[] = [
  latin(
    'unter(?:halb)?(?:\\s+von)?|hochstens|hoechstens|nicht\\s+(?:mehr|gro(?:ß|ss)er|groesser)\\s+als|(?:kleiner|weniger|geringer)\\s+als|bis\\s+zu|bis(?:\\s+max(?:imal|\\.)?)?|(?:etwa|ungefahr|ungefaehr|circa|ca\\.?|rund|knapp|an\\s+die)',
    before(),
  ),
  latin(
    '(?:maximal|max\\.?|maximum|grenze|limit)(?:e[rnms]?)?(?:\\s+(?:datei)?gr(?:o|oe)(?:ß|ss)e)?(?:\\s+(?:von|auf|ist))?',
    {
      kind: 'beside',
      where: 'either',
    },
  ),
  latin('(?:oder|und)\\s+(?:weniger|kleiner|darunter)', { kind: 'beside', where: 'after' }),
  latin('(?:auflosung|aufloesung)(?:\\s+(?:von|auf|in))?', before('resolution')),
  latin('bildrate(?:\\s+(?:von|auf))?', before('fps')),
  latin('codec|format', { kind: 'beside', where: 'either', of: 'codec' }),
];

/** Not here: whatever negates, limits, chooses or counts (nicht, nur, oder, erste). */
const FILLERS =
  `der die das den dem des ein eine einen einem einer dies diese dieser dieses diesen diesem es sie ihn mir mich mein meine meinen uns euch ich wir du bitte danke dann und aber auch so dass damit
   auf in im mit per fur fuer zu zum zur von vom als an bei ins ist sein wird werden soll sollen sollte muss kann kannst konnen konntest will mochte moechte brauche hatte haette gern gerne mal hallo
   video videos clip clips film filme filmes datei dateien aufnahme aufnahmen grosse groesse größe dateigrosse dateigroesse dateigröße ergebnis version
   komprimier komprimiere komprimieren komprimiert verkleiner verkleinere verkleinern verkleinert reduzier reduziere reduzieren reduziert konvertier konvertiere konvertieren konvertiert umwandeln wandle
   exportier exportiere exportieren exportiert speicher speichere speichern speicherst mach mache machen macht bring bringe bringen schrumpf schrumpfe schrumpfen setz setze setzen wandeln umrechnen runterrechnen
   senke senken andere aendere anpassen rechne halte halten bleiben bleibt sein passen passt schick schicken verschicken versenden teilen gib alles alle ganze ganzen grosses großes große grossen`.split(
    /\s+/,
  );

export const GERMAN: Vocabulary = {
  phrases: [
    ...shares,
    ...source,
    ...rates,
    ...excerpts,
    ...sound,
    ...quality,
    ...kept,
    ...smaller,
    ...bounds,
    latin('runter\\s+auf', FILLER),
  ],
  fillers: new Set(FILLERS.map(word => word.normalize('NFD').replace(/\p{M}/gu, ''))),
};
