/** Spanish phrases, without accents: the text is stripped of them first. */
import { SPANISH_NUMERALS } from './numerals.ts';
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

const COUNT = `(${PLAIN_NUMBER}|${SPANISH_NUMERALS.pattern})`;
const count = (text: string | undefined) => readCount(text, SPANISH_NUMERALS);

const THE = String.raw`(?:(?:el|la|los|las|su|sus|mi|este|esta)\s+)?`;
const OF_SIZE = String.raw`(?:\s+(?:del?\s+)?${THE}(?:tamano|peso|original|archivo)(?:\s+(?:original|inicial|actual|del\s+archivo))?)?`;
const PERCENT = String.raw`${COUNT}\s*(?:%|por\s?cientos?)`;
const FRACTIONS: Readonly<Record<string, number>> = {
  mitad: 1 / 2,
  tercio: 1 / 3,
  'tercera parte': 1 / 3,
  cuarto: 1 / 4,
  'cuarta parte': 1 / 4,
  quinto: 1 / 5,
  decimo: 1 / 10,
};
const FRACTION = String.raw`(mitad|tercio|tercera\s+parte|cuarto|cuarta\s+parte|quinto|decimo)`;
const fraction = (text = '') => FRACTIONS[text.toLowerCase().replace(/\s+/g, ' ')] ?? 0;
const REDUCE = String.raw`(?:reduce|reducir|reduzca|reducelo|comprime|comprimir|baja|bajar|disminuye|disminuir)`;

const shares: Phrase[] = [
  latin(`(?:(?:al?|el)\\s+){0,2}${PERCENT}${OF_SIZE}`, ([, n]) => percentShare(count(n), 'to')),
  latin(`en\\s+(?:un\\s+)?(?:aproximadamente\\s+)?${PERCENT}`, ([, n]) => percentShare(count(n), 'by')),
  latin(`(?:un\\s+)?${PERCENT}\\s+(?:mas\\s+(?:pequen[oa]|liger[oa])|menos)`, ([, n]) => percentShare(count(n), 'by')),
  latin(`(?:a\\s+)?(?:la|un|al?)\\s+${FRACTION}${OF_SIZE}`, ([, part]) => setShare(fraction(part))),
  latin(`en\\s+un\\s+${FRACTION}`, ([, part]) => setSmallerBy(fraction(part))),
  latin(String.raw`mitad\s+de(?:l)?\s+(?:tamano|peso)`, () => setShare(0.5)),
  // `reducir un 30 %` can mean to 30 % or by 30 %.
  latin(
    `${REDUCE}(?:\\s+(?:el\\s+(?:video|archivo|tamano)|lo)){0,2}\\s+(?:un\\s+)?${PERCENT}(?!\\s+(?:menos|mas))`,
    ([, n]) => (count(n) === 50 ? setShare(0.5) : UNCLEAR),
  ),
];

const TO = String.raw`\s+(?:a|en|hasta)\s+`;

const source: Phrase[] = [...[SIZE, RESOLUTION, FRAME_RATE].flatMap(kind => fromTo(TO, kind, kind, 'de'))];

const RATE_WORDS = {
  rate: String.raw`(?:(?:tasa|velocidad)\s+de\s+bits|bit-?rate)(?:\s+(?:de(?:l)?\s+)?(?:video|total))?`,
  whole: 'video\\s+',
  second: String.raw`por\s+segundo`,
  link: String.raw`de|a|en|como\s+maximo|max(?:imo)?|menos\s+de|hasta`,
};

const rates: Phrase[] = [
  ...fileRates(RATE_WORDS),
  ...countedSizes(SPANISH_NUMERALS),
  ...exactly('(?:exactamente|justo)'),
  latin(`${COUNT}\\s*(?:fotogramas|cuadros|imagenes)\\s*(?:por|\\/)\\s*s(?:egundo)?`, ([, n]) => setFps(count(n))),
];

const KEEPING = String.raw`(?:(?:solo|solamente|unicamente|deja|dejar|toma|tomar|extrae|extraer|conserva|conservar|manten|quiero)\s+){0,3}`;
const CUTTING = String.raw`(?:sin|quita(?:r)?|quite|elimina(?:r)?|elimine|borra(?:r)?|corta(?:r)?|recorta(?:r)?|salta(?:r)?|omite|omitir|suprime|suprimir|ignora(?:r)?)\s+`;
const NTH = (which: string) => [
  String.raw`(?:(?:el|la|los|las)\s+)?${which}\s+{t}`,
  String.raw`(?:(?:el|la|los|las)\s+)?{n}\s+${which}\s+{u}`,
];
const FIRST = NTH('primer(?:[oa]s?)?');
const LAST = NTH('ultim[oa]s?');
const TO_MOMENT = String.raw`\s*(?:a|al|hasta(?:\s+el)?|-|–|—)\s*`;

const excerpts = trims({
  count: `${PLAIN_NUMBER}|${SPANISH_NUMERALS.pattern}`,
  read: count,
  units: ['horas?|h', 'minutos?|min|m', 'segundos?|seg|s'],
  single: 'hora|minuto|segundo',
  and: 'y|,',
  half: String.raw`y\s+medi[oa]`,
  start: String.raw`(?:el\s+)?(?:inicio|principio|comienzo)`,
  end: String.raw`(?:el\s+)?final?`,
  says: {
    first: FIRST.map(said => `${KEEPING}${said}`),
    last: LAST.map(said => `${KEEPING}${said}`),
    'without-first': FIRST.map(said => `${CUTTING}${said}`),
    'without-last': LAST.map(said => `${CUTTING}${said}`),
    range: [
      String.raw`${KEEPING}(?:de|del|desde(?:\s+el)?)\s+{a}${TO_MOMENT}{b}`,
      String.raw`${KEEPING}entre\s+{a}\s+y\s+{b}`,
      `${KEEPING}{a}${TO_MOMENT}{b}`,
      String.raw`${KEEPING}(?:de(?:sde)?\s+)?{x}${TO_MOMENT}{b}`,
    ],
    from: [String.raw`${KEEPING}(?:a\s+partir\s+del?|desde(?:\s+el)?)\s+{a}`],
    until: [String.raw`${KEEPING}hasta(?:\s+el)?\s+{b}`],
    unclear: [String.raw`${CUTTING}(?:de(?:sde)?\s+|entre\s+)?{a}(?:${TO_MOMENT}|\s+y\s+){b}`],
  },
});

const SONIDO = String.raw`(?:(?:pistas?\s+de\s+)?(?:sonido|audio))`;
const REMOVE = '(?:quitar?|quite|quitale|eliminar?|elimine|borrar?|borre|silenciar?|silencie)';
const KEEP =
  '(?:mantener|mantiene|manten|manteniendo|conservar?|conserve|conservando|dejar?|deje|preservar?|preservando|con)';

const sound: Phrase[] = [
  latin(`sin\\s+${THE}${SONIDO}`, MUTE),
  latin(`${REMOVE}\\s+${THE}${SONIDO}`, MUTE),
  latin('mud[oa]|silenciar?|silenciad[oa]|en\\s+silencio', MUTE),
  latin(`${KEEP}\\s+${THE}${SONIDO}`, KEEP_AUDIO),
];

const quality: Phrase[] = [
  latin(String.raw`sin\s+(?:perdidas?|diferencias?)(?:\s+(?:visibles?|apreciables?))?(?:\s+de\s+calidad)?`, AUTO),
  latin(String.raw`sin\s+(?:perder|bajar|reducir|afectar|empeorar|sacrificar)\s+(?:mucha\s+)?${THE}calidad`, AUTO),
  latin(`${KEEP}\\s+${THE}(?:una\\s+)?(?:buena\\s+|misma\\s+|alta\\s+)?calidad`, AUTO),
  latin(String.raw`(?:(?:en|de|con)\s+)?(?:una\s+)?(?:buena|alta|misma)\s+calidad`, AUTO),
  latin(String.raw`(?:(?:en|de|con|a)\s+)?${THE}(?:mejor|maxima|mayor)\s+calidad(?:\s+posible)?|calidad\s+maxima`, MAX),
  latin(String.raw`(?:la\s+)?calidad\s+(?:no\s+importa|da\s+igual)`, ANY_LOOK),
  latin(
    String.raw`(?:no\s+importa|da\s+igual|sin\s+importar)\s+(?:como\s+(?:se\s+vea|quede)|${THE}(?:calidad|aspecto))`,
    ANY_LOOK,
  ),
  latin(
    String.raw`(?:pero\s+)?(?:que\s+)?(?:se\s+siga\s+viendo|se\s+vea|quede)\s+bien|(?:siempre\s+que|si)\s+se\s+(?:vea|ve)\s+bien`,
    GOOD_LOOK,
  ),
];

const kept: Phrase[] = [
  latin(
    `(?:(?:${KEEP})\\s+)?${THE}(?:misma\\s+resolucion|resolucion\\s+original)|${KEEP}\\s+${THE}resolucion`,
    sets({ field: 'resolution', value: 'keep' }),
  ),
  latin(
    `${KEEP}\\s+${THE}(?:misma\\s+)?(?:frecuencia|tasa)\\s+de\\s+(?:fotogramas|cuadros)`,
    sets({ field: 'fps', value: 'keep' }),
  ),
];

const smaller: Phrase[] = [
  latin(String.raw`correo(?:\s+electronico)?`, limitOf(platformNamed('email'))),
  latin(String.raw`(?:lo\s+mas|tan)\s+(?:pequen[oa]|liger[oa])\s+(?:como\s+sea\s+)?posible`, SMALLEST),
  latin(
    String.raw`(?:(?:un\s+poco|mucho)\s+)?mas\s+(?:pequen[oa]|liger[oa])|demasiado\s+(?:grande|pesad[oa])|ahorrar\s+espacio`,
    GRANTED,
  ),
  latin(String.raw`(?:(?:en|a|formato)\s+){0,2}\.?mp4`, GRANTED),
  latin(
    String.raw`para\s+(?:(?:el|la)\s+)?(?:compartir|enviar|subir|web|internet|telefono|movil|tele)(?:\s+por)?`,
    GRANTED,
  ),
];

const bounds: Phrase[] = [
  latin(
    String.raw`(?:a\s+|en\s+)?menos\s+de|por\s+debajo\s+de|bajo|no\s+mas\s+(?:de|que)|(?:inferior|menor|mas\s+pequen[oa])\s+(?:a|que|de)|hasta|(?:que\s+)?(?:no|sin)\s+(?:supere|superar|pase|pasar|exceda|exceder)(?:\s+de)?|alrededor\s+de|aproximadamente|unos|cerca\s+de`,
    before(),
  ),
  latin(String.raw`(?:tamano\s+)?max(?:im[oa]|\.)?(?:\s+de)?|como\s+(?:maximo|mucho)|limite(?:\s+de)?`, {
    kind: 'beside',
    where: 'either',
  }),
  latin(String.raw`o\s+menos`, { kind: 'beside', where: 'after' }),
  latin(String.raw`(?:en\s+)?resolucion(?:\s+(?:de|a))?`, before('resolution')),
  latin(String.raw`(?:codec|formato)`, { kind: 'beside', where: 'either', of: 'codec' }),
];

/** Not here: whatever negates, limits, chooses or counts (no, sin, solo, o, primero). */
const FILLERS =
  `el la los las un una unos unas de del este esta estos estas ese esa mi mis su sus me nos yo por favor gracias hola y pero pues tambien que lo le se a al en con para por enviar es sea esta debe quiero quisiera
   puedes puede podria necesito haz hazlo hacer haga pon ponlo poner deja dejalo dejar
   video videos clip clips pelicula peliculas archivo archivos grabacion tamano peso formato version resultado
   comprime comprimir comprimelo comprima reduce reducir reducelo reduzca convierte convertir exporta exportar guarda guardar codifica codificar pasa pasar baja bajar bajalo encoge encoger
   todo todos toda todas grande grandes entero entera ocupe quepa`.split(/\s+/);

export const SPANISH: Vocabulary = {
  phrases: [...shares, ...source, ...rates, ...excerpts, ...sound, ...quality, ...kept, ...smaller, ...bounds],
  fillers: new Set(FILLERS),
};
