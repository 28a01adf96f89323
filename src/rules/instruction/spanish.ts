/** Spanish phrases, without accents: the text is stripped of them first. */
import { SPANISH_NUMERALS } from './numerals.ts';
import { limitOf, platformNamed } from './platforms.ts';
import {
  GRANTED,
  latin,
  type Phrase,
  type PhraseMeaning,
  setFps,
  setShare,
  sets,
  UNCLEAR,
  type Vocabulary,
  MUTE,
  KEEP_AUDIO,
  AUTO,
  MAX,
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

const rates: Phrase[] = [
  ...countedSizes(SPANISH_NUMERALS),
  ...exactly('(?:exactamente|justo)'),
  latin(`${COUNT}\\s*(?:fotogramas|cuadros|imagenes)\\s*(?:por|\\/)\\s*s(?:egundo)?`, ([, n]) => setFps(count(n))),
];

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
  latin(String.raw`(?:la\s+)?calidad\s+(?:no\s+importa|da\s+igual)`, GRANTED),
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

const before = (of?: 'resolution' | 'fps' | 'codec'): PhraseMeaning => ({
  kind: 'beside',
  where: 'before',
  ...(of && { of }),
});

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
  phrases: [...shares, ...source, ...rates, ...sound, ...quality, ...kept, ...smaller, ...bounds],
  fillers: new Set(FILLERS),
};
