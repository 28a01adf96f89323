import { describe, expect, test } from 'vitest';
import {
  ENGLISH_NUMERALS,
  FRENCH_NUMERALS,
  GERMAN_NUMERALS,
  SPANISH_NUMERALS,
} from '../../../src/rules/instruction/numerals.ts';
import { parseInstruction } from '../../../src/rules/instruction/parse.ts';
import { short } from './short.ts';

/** Words, and what is understood of them; every word of these is. */
const GERMAN: [string, string][] = [
  ['auf 50 MB verkleinern', '50MB'],
  ['Verkleinere dieses Video auf unter 50 MB ohne Qualitätsverlust', '50MB auto'],
  ['bitte auf höchstens 25 MB komprimieren', '25MB'],
  ['bitte auf hoechstens 25 MB komprimieren', '25MB'],
  ['maximal 1,5 GB', '1500MB'],
  ['50 MB maximal', '50MB'],
  ['nicht größer als 8 MB', '8MB'],
  ['kleiner als 10 MB, 720p, ohne Ton', '10MB 720p mute'],
  ['zwanzig Megabyte', '20MB'],
  ['unter fünfundzwanzig MB', '25MB'],
  ['hundert Megabyte oder weniger', '100MB'],
  ['genau 30 MB', '30MB max'],
  ['auf die Hälfte', '50%'],
  ['auf die Haelfte der Größe', '50%'],
  ['um die Hälfte verkleinern', '50%'],
  ['um ein Drittel kleiner', '66.7%'],
  ['ein Viertel der Originalgröße', '25%'],
  ['halb so groß', '50%'],
  ['auf 30 % der Größe reduzieren', '30%'],
  ['um 30 Prozent reduzieren', '70%'],
  ['30 % kleiner', '70%'],
  ['von 4K auf 1080p', '1080p'],
  ['Full HD, 30 Bilder pro Sekunde', '1080p 30fps'],
  ['Auflösung 720p, Ton behalten', '720p sound'],
  ['Ton entfernen', 'mute'],
  ['stumm', 'mute'],
  ['in bester Qualität als MP4', 'max'],
  ['gute Qualität, Auflösung beibehalten', 'res=keep auto'],
  ['so klein wie möglich', 'auto'],
  ['kleiner machen, für WhatsApp', '16MB'],
  ['per E-Mail verschicken', '18MB'],
  ['als H.265', 'h265'],
  ['Kannst du das bitte kleiner machen?', ''],
];

const FRENCH: [string, string][] = [
  ['réduire à 50 Mo', '50MB'],
  ['Compresse cette vidéo à moins de 50 Mo sans perte de qualité', '50MB auto'],
  ['au maximum 25 Mo, s’il te plaît', '25MB'],
  ['25 Mo maximum', '25MB'],
  ['pas plus de 8 Mo', '8MB'],
  ['sans dépasser 1,5 Go', '1500MB'],
  ['10 Mio', '10.48576MB'],
  ['vingt mégaoctets', '20MB'],
  ['moins de vingt-cinq Mo', '25MB'],
  ['quatre-vingt-dix Mo', '90MB'],
  ['exactement 30 Mo', '30MB max'],
  ['la moitié', '50%'],
  ['à la moitié de la taille', '50%'],
  ['réduire de moitié', '50%'],
  ['un tiers de sa taille', '33.3%'],
  ['à 30 % de la taille', '30%'],
  ['réduire de 30 %', '70%'],
  ['30 % plus petit', '70%'],
  ['deux fois plus petit', '50%'],
  ['de 4K à 1080p', '1080p'],
  ['720p, 30 images par seconde, sans son', '720p 30fps mute'],
  ['couper le son', 'mute'],
  ['en gardant le son', 'sound'],
  ['meilleure qualité possible', 'max'],
  ['bonne qualité, même résolution', 'res=keep auto'],
  ['le plus petit possible', 'auto'],
  ['plus léger, pour WhatsApp', '16MB'],
  ['pour envoyer par e-mail', '18MB'],
  ['en MP4', ''],
];

const SPANISH: [string, string][] = [
  ['reducir a 50 MB', '50MB'],
  ['Comprime este vídeo a menos de 50 MB sin perder calidad', '50MB auto'],
  ['como máximo 25 MB, por favor', '25MB'],
  ['25 MB como máximo', '25MB'],
  ['no más de 8 MB', '8MB'],
  ['que no supere 1,5 GB', '1500MB'],
  ['veinte megas', '20MB'],
  ['menos de veinticinco megabytes', '25MB'],
  ['ciento cincuenta MB', '150MB'],
  ['exactamente 30 MB', '30MB max'],
  ['a la mitad', '50%'],
  ['la mitad del tamaño', '50%'],
  ['un tercio del tamaño original', '33.3%'],
  ['al 30 % del tamaño', '30%'],
  ['reducir en un 30 %', '70%'],
  ['un 30 % más pequeño', '70%'],
  ['de 4K a 1080p', '1080p'],
  ['720p, 30 fotogramas por segundo, sin sonido', '720p 30fps mute'],
  ['quita el audio', 'mute'],
  ['con sonido', 'sound'],
  ['la mejor calidad posible', 'max'],
  ['buena calidad, misma resolución', 'res=keep auto'],
  ['lo más pequeño posible', 'auto'],
  ['más ligero, para WhatsApp', '16MB'],
  ['para enviar por correo electrónico', '18MB'],
  ['en formato mp4', ''],
];

const ENGLISH: [string, string][] = [
  ['under twenty megabytes', '20MB'],
  ['a hundred and fifty MB', '150MB'],
  ['fifty percent', '50%'],
  ['thirty frames per second', '30fps'],
  ['exactly 30 MB', '30MB max'],
  ['half a gigabyte', '500MB'],
  ['for Instagram', ''],
  ['upload to TikTok, 720p', '720p'],
  ['for a YouTube Short', ''],
  ['发到抖音', ''],
];

describe.each([
  ['German', GERMAN],
  ['French', FRENCH],
  ['Spanish', SPANISH],
  ['English', ENGLISH],
] as const)('%s', (_, table) => {
  test.each(table)('%j means %j', (words, meaning) => {
    const { target, notUnderstood } = parseInstruction(words);
    expect({ meaning: short(target), notUnderstood }).toEqual({ meaning, notUnderstood: [] });
  });
});

/** What negates, chooses or asks for something else comes back, in every language. */
test.each([
  'nicht unter 50 MB',
  'mindestens 50 MB',
  'mehr als 50 MB',
  'nur die erste Hälfte',
  'Ton nicht stumm schalten',
  'schneller abspielen',
  'plus de 50 Mo',
  'au moins 50 Mo',
  'réduire 30 %',
  'pas en 720p',
  'ajoute de la musique',
  'más de 50 MB',
  'al menos 50 MB',
  'reducir un 30 %',
  'no en 720p',
  'añade música',
  'en un 30 %',
  'once',
  'die fast son',
])('%j is asked back', words => {
  expect(parseInstruction(words).notUnderstood).not.toEqual([]);
});

test.each([
  [
    'English',
    ENGLISH_NUMERALS,
    ['one', 'twenty-five', 'a hundred and ten', 'nine hundred ninety-nine'],
    [1, 25, 110, 999],
  ],
  ['German', GERMAN_NUMERALS, ['ein', 'fünfundzwanzig', 'hundertzehn', 'neunhundertneunundneunzig'], [1, 25, 110, 999]],
  [
    'French',
    FRENCH_NUMERALS,
    ['un', 'soixante et onze', 'cent dix', 'neuf cent quatre-vingt-dix-neuf'],
    [1, 71, 110, 999],
  ],
  [
    'Spanish',
    SPANISH_NUMERALS,
    ['uno', 'treinta y una', 'ciento diez', 'novecientos noventa y nueve'],
    [1, 31, 110, 999],
  ],
] as const)('%s numbers in words', (_, numerals, words, values) => {
  expect(words.map(word => numerals.read(word))).toEqual(values);
  expect(numerals.read('twentyonety')).toBeUndefined();
});
