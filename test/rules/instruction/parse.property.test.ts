import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_INSTRUCTION } from '../../../src/core/job.ts';
import { parseInstruction } from '../../../src/rules/instruction/parse.ts';

/** Phrases of different kinds; one of each can be asked for in any order. */
const ENGLISH_AND_CHINESE = [
  [
    'under 50MB',
    'at most 20 megs',
    'half the size',
    '25%',
    'for Discord',
    '压缩到50MB以内',
    '一半大小',
    'max 1.5 GB',
    'twenty MB',
    '2 Mbit/s',
    'at most 1500 kbps',
    '2兆码率',
  ],
  [
    'first 10 seconds',
    'from 0:10 to 0:30',
    'cut the last minute',
    'until 0:45',
    '前10秒',
    '从0:10到0:30',
    '去掉最后一分钟',
  ],
  ['1080p', 'at most 720p', 'full HD', '1280x720', '分辨率720p', 'keep the resolution'],
  ['30 fps', 'at 24 frames per second', '30帧', '帧率24'],
  ['no sound', 'mute', 'audio 96k', 'keep the audio', '不要声音', '静音'],
  ['h264', 'HEVC', 'AV1', '用h265编码'],
  ['without losing quality', 'best quality', '不损失画质', 'as small as possible', '尽可能小'],
  ['please', 'compress this video', 'make it smaller', 'as an mp4', '请帮我', '谢谢', 'export'],
];
const GERMAN = [
  [
    'unter 50 MB',
    'höchstens 20 MB',
    'auf die Hälfte',
    'um 30 Prozent',
    'für WhatsApp',
    'zwanzig Megabyte',
    'maximal 1,5 GB',
    'höchstens 2 Mbit/s',
  ],
  ['die ersten 10 Sekunden', 'von 0:10 bis 0:30', 'die letzte Minute abschneiden', 'ab 0:45'],
  ['1080p', 'Auflösung 720p', 'Full HD', 'Auflösung beibehalten'],
  ['30 Bilder pro Sekunde', 'Bildrate 24'],
  ['ohne Ton', 'stumm', 'Ton behalten'],
  ['als H.265', 'AV1'],
  ['ohne sichtbaren Qualitätsverlust', 'in bester Qualität', 'so klein wie möglich'],
  ['bitte', 'komprimiere dieses Video', 'als MP4', 'danke'],
];
const FRENCH = [
  [
    'sous 50 Mo',
    'au plus 20 Mo',
    'la moitié de la taille',
    'réduire de 30 %',
    'pour WhatsApp',
    'vingt mégaoctets',
    'max 1,5 Go',
    'débit de 2 Mbit/s',
  ],
  ['les 10 premières secondes', 'de 0:10 à 0:30', 'sans la dernière minute', "jusqu'à 0:45"],
  ['1080p', 'résolution 720p', 'Full HD', 'même résolution'],
  ['30 images par seconde', '24 ips'],
  ['sans son', 'muet', 'garder le son'],
  ['en H.265', 'AV1'],
  ['sans perte de qualité', 'la meilleure qualité', 'le plus petit possible'],
  ['merci', 'compresse cette vidéo', 'en MP4', "s'il te plaît"],
];
const SPANISH = [
  [
    'menos de 50 MB',
    'como máximo 20 MB',
    'la mitad del tamaño',
    '30 % menos',
    'para WhatsApp',
    'veinte megas',
    'máx. 1,5 GB',
    '2 megabits por segundo',
  ],
  ['los primeros 10 segundos', 'de 0:10 a 0:30', 'sin el último minuto', 'desde 0:45'],
  ['1080p', 'resolución 720p', 'Full HD', 'misma resolución'],
  ['30 fotogramas por segundo', '24 fps'],
  ['sin sonido', 'mudo', 'conservar el sonido'],
  ['en H.265', 'AV1'],
  ['sin pérdida de calidad', 'la mejor calidad', 'lo más pequeño posible'],
  ['gracias', 'comprime este vídeo', 'en MP4', 'por favor'],
];
const GAPS = [', ', '; ', '. ', '\n', ' - '];

const sentence = fc
  .tuple(fc.constantFrom(ENGLISH_AND_CHINESE, GERMAN, FRENCH, SPANISH), fc.constantFrom(...GAPS))
  .chain(([kinds, gap]) =>
    fc
      .shuffledSubarray(kinds, { minLength: 1 })
      .chain(some => fc.tuple(...some.map(kind => fc.constantFrom(...kind))).map(words => words.join(gap))),
  );

describe('any combination of known phrases', () => {
  test('is understood to the last word', () => {
    fc.assert(
      fc.property(sentence, words => {
        expect(parseInstruction(words).notUnderstood).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('stays understood in capitals and with wide letters', () => {
    const wide = (text: string) => text.replace(/[!-~]/g, sign => String.fromCharCode(sign.charCodeAt(0) + 0xfee0));
    fc.assert(
      fc.property(sentence, words => {
        const { target } = parseInstruction(words);
        expect(
          parseInstruction(words.replace(/\p{Ll}+/gu, word => word.toUpperCase()).replace(/MIB/g, 'MiB')).target,
        ).toEqual(target);
        expect(parseInstruction(wide(words)).target).toEqual(target);
      }),
      { numRuns: 1000 },
    );
  });

  test('with one word more that means nothing names exactly that word', () => {
    fc.assert(
      fc.property(sentence, words => {
        expect(parseInstruction(`${words}\nxylophone`).notUnderstood).toEqual(['xylophone']);
      }),
      { numRuns: 1000 },
    );
  });
});

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          ...ENGLISH_AND_CHINESE.flat(),
          ...GERMAN.flat(),
          ...FRENCH.flat(),
          ...SPANISH.flat(),
          'not',
          'or',
          'under',
          'by',
          '不',
          '最',
          '50',
          '%',
          '/',
        ),
        fc.string({ maxLength: 5 }),
      ),
      { maxLength: 40 },
    )
    .map(words => words.join(' ')),
);

describe('any text', () => {
  test('is answered without throwing, and twice the same', () => {
    fc.assert(
      fc.property(anyText, words => {
        const answer = parseInstruction(words);
        expect(parseInstruction(words)).toEqual(answer);
        for (const left of answer.notUnderstood) expect(left).not.toBe('');
      }),
      { numRuns: 500 },
    );
  });

  test('never makes a target out of range', () => {
    fc.assert(
      fc.property(anyText, words => {
        const { size, fps, audio } = parseInstruction(words).target;
        if (size?.kind === 'bytes') expect(size.bytes).toBeGreaterThan(0);
        if (size?.kind === 'share') expect(size.share > 0 && size.share <= 1).toBe(true);
        if (typeof fps === 'number') expect(fps >= 1 && fps <= 240).toBe(true);
        if (audio?.kind === 'bitrate') expect(audio.bitsPerSecond).toBeGreaterThanOrEqual(16_000);
      }),
      { numRuns: 500 },
    );
  });
});

describe('time', () => {
  const AWKWARD = [
    'x ',
    '加',
    'under ',
    'this 4k ',
    'without any ',
    'for the ',
    '1 ',
    '<',
    'from 4k ',
    '三分之',
    '压缩到',
    'turn 4k mp4 50MB ',
    '50%',
    '🎬',
  ];

  /** Fastest of a few: another process may have the core meanwhile. */
  function fastestMs(words: string): number {
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      parseInstruction(words);
      return performance.now() - start;
    });
    return Math.min(...times);
  }

  test.each(AWKWARD)('64 KB of %j are answered in less than 50 ms', piece => {
    expect(fastestMs(piece.repeat(65_536 / piece.length + 1))).toBeLessThan(50);
  });

  // 10 to 30 ms on an idle machine; the bound only has to tell linear from worse.
  test.each(AWKWARD)('as much of %j as is read at all is read in less than 250 ms', piece => {
    expect(fastestMs(piece.repeat(MAX_INSTRUCTION).slice(0, MAX_INSTRUCTION))).toBeLessThan(250);
  });
});
