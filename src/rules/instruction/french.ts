/** French phrases, without accents: the text is stripped of them first. */
import { FRENCH_NUMERALS } from './numerals.ts';
import { limitOf, platformNamed } from './platforms.ts';
import {
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

const COUNT = `(${PLAIN_NUMBER}|${FRENCH_NUMERALS.pattern})`;
const count = (text: string | undefined) => readCount(text, FRENCH_NUMERALS);

const THE = String.raw`(?:(?:la|le|les|l['’]|sa|son|ma|mon|cette|ce)\s*)?`;
const OF_SIZE = String.raw`(?:\s+(?:de\s+)?${THE}(?:taille|poids|original|fichier)(?:\s+(?:d['’]origine|initiale?|originale?|actuelle?|du\s+fichier))?)?`;
const PERCENT = String.raw`${COUNT}\s*(?:%|pour\s?cents?)`;
const FRACTIONS: Readonly<Record<string, number>> = {
  moitie: 1 / 2,
  tiers: 1 / 3,
  quart: 1 / 4,
  cinquieme: 1 / 5,
  dixieme: 1 / 10,
};
const FRACTION = String.raw`(moitie|tiers|quart|cinquieme|dixieme)`;
const fraction = (text = '') => FRACTIONS[text.toLowerCase()] ?? 0;
const REDUCE = String.raw`(?:reduire|reduis|reduisez|diminuer?|diminuez|baisser?|baissez|compresser?|compressez)`;

const shares: Phrase[] = [
  latin(`(?:a\\s+)?${PERCENT}${OF_SIZE}`, ([, n]) => percentShare(count(n), 'to')),
  latin(`de\\s+(?:environ\\s+)?${PERCENT}(?!\\s+(?:de\\s+)?(?:la|sa)\\s)`, ([, n]) => percentShare(count(n), 'by')),
  latin(`${PERCENT}\\s+(?:plus\\s+(?:petite?|legere?)|de\\s+moins|en\\s+moins)`, ([, n]) =>
    percentShare(count(n), 'by'),
  ),
  latin(`(?:a\\s+)?(?:la|un|le|au)\\s+${FRACTION}${OF_SIZE}`, ([, part]) => setShare(fraction(part))),
  latin(`(?:de\\s+moitie|d['’]un\\s+${FRACTION})`, ([, part]) => setSmallerBy(part ? fraction(part) : 0.5)),
  latin(String.raw`(?:deux|2)\s+fois\s+(?:plus\s+petite?|moins\s+(?:gros(?:se)?|lourde?))`, () => setShare(0.5)),
  // `réduire 30 %` can mean to 30 % or by 30 %.
  latin(
    `${REDUCE}(?:\\s+(?:la\\s+(?:taille|video)|le\\s+fichier|de)){0,2}\\s+${PERCENT}(?!\\s+(?:plus|de\\s+moins))`,
    ([text, n]) => {
      if (count(n) === 50) return setShare(0.5);
      return /\sde\s+\S+\s*(?:%|pour)/i.test(text) ? percentShare(count(n), 'by') : UNCLEAR;
    },
  ),
];

const TO = String.raw`\s+(?:a|en|vers|jusqu['’]a)\s+`;

const source: Phrase[] = [...[SIZE, RESOLUTION, FRAME_RATE].flatMap(kind => fromTo(TO, kind, kind, 'de'))];

const RATE_WORDS = {
  rate: String.raw`(?:debit(?:\s+binaire)?|bit-?rate)(?:\s+(?:video|total))?`,
  whole: 'video\\s+',
  second: String.raw`par\s+seconde`,
  link: String.raw`de|a|au\s+(?:plus|maximum)|max(?:imum)?|moins\s+de|environ`,
};

const rates: Phrase[] = [
  ...fileRates(RATE_WORDS),
  ...countedSizes(FRENCH_NUMERALS),
  ...exactly('(?:exactement|precisement|pile)'),
  latin(`${COUNT}\\s*(?:images|trames)\\s*(?:par|\\/)\\s*s(?:econde)?`, ([, n]) => setFps(count(n))),
  latin(`${COUNT}\\s*ips`, ([, n]) => setFps(count(n))),
];

const KEEPING = String.raw`(?:(?:seulement|uniquement|juste|que|garder?|gardez|prends|prendre|prenez|extrais|extraire|conserver?|je\s+(?:veux|voudrais))\s+){0,3}`;
const CUTTING = String.raw`(?:sans|couper?|coupez|enlever?|enlevez|supprimer?|supprimez|retirer?|retirez|sauter?|sautez|passer?|passez|ignorer?|oter?|omettre)\s+`;
const NTH = (which: string) => [
  String.raw`(?:les?\s+|la\s+|l['’])?{n}\s+${which}\s+{u}`,
  String.raw`(?:les?\s+|la\s+|l['’])?${which}\s+{t}`,
];
const FIRST = NTH('premi(?:er|ere)s?');
const LAST = NTH('derni(?:er|ere)s?');
const TO_MOMENT = String.raw`\s*(?:a|jusqu['’](?:a|au)|-|–|—)\s*`;

const excerpts = trims({
  count: `${PLAIN_NUMBER}|${FRENCH_NUMERALS.pattern}`,
  read: count,
  units: ['heures?|h', 'minutes?|min|m', 'secondes?|sec|s'],
  single: 'heure|minute|seconde',
  and: 'et|,',
  half: String.raw`et\s+demie?`,
  start: String.raw`(?:le\s+)?debut`,
  end: String.raw`(?:la\s+)?fin`,
  says: {
    first: FIRST.map(said => `${KEEPING}${said}`),
    last: LAST.map(said => `${KEEPING}${said}`),
    'without-first': FIRST.map(said => `${CUTTING}${said}`),
    'without-last': LAST.map(said => `${CUTTING}${said}`),
    range: [
      String.raw`${KEEPING}(?:de|du)\s+{a}${TO_MOMENT}{b}`,
      String.raw`${KEEPING}entre\s+{a}\s+et\s+{b}`,
      `${KEEPING}{a}${TO_MOMENT}{b}`,
      String.raw`${KEEPING}(?:de\s+)?{x}${TO_MOMENT}{b}`,
    ],
    from: [String.raw`${KEEPING}(?:a\s+partir\s+d[eu]|des|depuis)\s+{a}`],
    until: [String.raw`${KEEPING}jusqu['’](?:a|au)\s+{b}`],
    unclear: [String.raw`${CUTTING}(?:de\s+|entre\s+)?{a}(?:${TO_MOMENT}|\s+et\s+){b}`],
  },
});

const SON = String.raw`(?:(?:pistes?\s+)?(?:son|audio|sonore)|bande[\s-]son)`;
const REMOVE = '(?:couper?|coupez|enlever?|enlevez|supprimer?|supprimez|retirer?|retirez|desactiver?)';
const KEEP =
  '(?:garder?|gardez|en\\s+gardant|conserver?|conservez|en\\s+conservant|preserver?|preservez|en\\s+preservant|laisser?|laissez|avec)';

const sound: Phrase[] = [
  latin(`(?:sans|pas\\s+de|aucun)\\s+${THE}${SON}`, MUTE),
  latin(`${REMOVE}\\s+${THE}${SON}`, MUTE),
  latin('muet(?:te)?|silencieu(?:x|se)', MUTE),
  latin(`${KEEP}\\s+${THE}${SON}`, KEEP_AUDIO),
];

const quality: Phrase[] = [
  latin(
    String.raw`sans\s+(?:aucune\s+)?(?:pertes?|difference)(?:\s+visibles?)?(?:\s+de\s+qualite)?(?:\s+visible)?`,
    AUTO,
  ),
  latin(
    String.raw`sans\s+(?:trop\s+)?(?:perdre|degrader|reduire|abimer|baisser|diminuer)\s+(?:de\s+|en\s+)?${THE}qualite`,
    AUTO,
  ),
  latin(`${KEEP}\\s+${THE}(?:une\\s+)?(?:bonne\\s+|meme\\s+|haute\\s+)?qualite`, AUTO),
  latin(String.raw`(?:(?:en|de|avec|a)\s+)?(?:une\s+)?(?:bonne|haute|meme|belle)\s+qualite`, AUTO),
  latin(
    String.raw`(?:(?:en|de|avec|a)\s+)?${THE}(?:meilleure|plus\s+haute)\s+qualite(?:\s+possible)?|qualite\s+max(?:imale|imum)?`,
    MAX,
  ),
  latin(String.raw`(?:la\s+)?qualite\s+(?:importe\s+peu|n['’]a\s+pas\s+d['’]importance)`, ANY_LOOK),
  latin(
    String.raw`(?:peu\s+importe|qu['’]importe)\s+(?:${THE}(?:qualite|aspect|rendu)|l['’]\s*(?:aspect|apparence))|quel(?:le)?\s+que\s+soit\s+(?:${THE}(?:qualite|rendu)|l['’]\s*aspect)`,
    ANY_LOOK,
  ),
  latin(
    String.raw`(?:mais\s+)?(?:il|ca|elle|cela)\s+(?:doit|faut)\s+(?:rester|etre)\s+(?:belle?|beau|bien)|(?:mais\s+)?(?:tant\s+que|si)\s+(?:ca|c['’]est|cela|l['’]image)\s+(?:reste\s+)?(?:belle?|beau|bien)`,
    GOOD_LOOK,
  ),
];

const kept: Phrase[] = [
  latin(
    `(?:(?:${KEEP})\\s+)?${THE}(?:meme\\s+)?(?:resolution)(?:\\s+d['’]origine|\\s+originale?)`,
    sets({ field: 'resolution', value: 'keep' }),
  ),
  latin(`${KEEP}\\s+${THE}(?:meme\\s+)?resolution|meme\\s+resolution`, sets({ field: 'resolution', value: 'keep' })),
  latin(`${KEEP}\\s+${THE}(?:frequence\\s+d['’]images|cadence)`, sets({ field: 'fps', value: 'keep' })),
];

const smaller: Phrase[] = [
  latin('courriel', limitOf(platformNamed('email'))),
  latin(String.raw`(?:le\s+plus|aussi)\s+(?:petite?|legere?)\s+(?:que\s+)?possible|au\s+minimum`, SMALLEST),
  latin(
    String.raw`(?:(?:un\s+peu|beaucoup|bien)\s+)?plus\s+(?:petite?|legere?)|trop\s+(?:gros(?:se)?|lourde?)|gagner\s+de\s+la\s+place`,
    GRANTED,
  ),
  latin(String.raw`(?:(?:en|au|format)\s+){0,2}\.?mp4`, GRANTED),
  latin(
    String.raw`pour\s+(?:(?:le|la)\s+)?(?:partager|partage|envoyer|envoi|web|internet|telephone|tele)(?:\s+par)?`,
    GRANTED,
  ),
];

const bounds: Phrase[] = [
  latin(
    String.raw`(?:a\s+)?moins\s+de|sous(?:\s+les)?|au\s+(?:plus|maximum|max)|pas\s+plus\s+(?:de|que)|(?:inferieure?|plus\s+petite?)\s+a|en[\s-]dessous\s+de|jusqu['’]a|(?:qui\s+)?ne\s+(?:depasse|depassant|pas\s+depasser|depasse\s+pas)(?:\s+pas)?|sans\s+depasser|environ|a\s+peu\s+pres|autour\s+de`,
    before(),
  ),
  latin(
    String.raw`(?:taille\s+)?max(?:imum|imale?|\.)?(?:\s+(?:de|a))?|limite(?:\s+(?:de|a))?|au\s+(?:plus|maximum|max)`,
    { kind: 'beside', where: 'either' },
  ),
  latin(String.raw`ou\s+moins`, { kind: 'beside', where: 'after' }),
  latin(String.raw`(?:en\s+)?resolution(?:\s+(?:de|a|en))?`, before('resolution')),
  latin(String.raw`(?:codec|format)`, { kind: 'beside', where: 'either', of: 'codec' }),
];

/** Not here: whatever negates, limits, chooses or counts (pas, sans, seulement, ou, premier). */
const FILLERS =
  `le la les l un une des du de d ce cet cette ces mon ma mes son sa ses notre moi me nous je on il elle tu vous s'il te plait svp stp merci bonjour salut alors et mais puis aussi que qu'elle qu'il
   a au aux en dans avec pour par envoyer est soit sera doit faut veux voudrais peux pouvez peut fais fait faire faites mets mettre mettez rend rends rendre rendez c'est j'ai
   video videos clip clips film films fichier fichiers enregistrement taille poids format version resultat
   compresse compresser compressez comprime comprimer comprimez reduis reduire reduisez diminue diminuer diminuez convertis convertir convertissez exporte exporter exportez enregistre enregistrer
   encode encoder passe passer ramene ramener baisse baisser garde garder tout toute toutes tous gros grosse grosses entier entiere tenir tienne besoin l'original qui`.split(
    /\s+/,
  );

export const FRENCH: Vocabulary = {
  phrases: [...shares, ...source, ...rates, ...excerpts, ...sound, ...quality, ...kept, ...smaller, ...bounds],
  fillers: new Set(FILLERS),
};
