/** What is said to the agent besides a person's own words, in the languages that instructions are read in. */

/** Bytes as people write them, `50MB`; counts as plain numbers. */
export interface Phrasebook {
  /** Between the edits of versions that follow each other; between demands; before what is added to a person's words. */
  followedBy: string;
  comma: string;
  semicolon: string;
  colon: string;
  /** A part, between two moments. */
  only(from: string, to: string): string;
  beginning: string;
  end: string;
  beforeEnd(clock: string): string;
  under(size: string): string;
  atMost(resolution: string): string;
  fps(fps: number): string;
  mute: string;
  audio(kbps: number): string;
  output(codec: string): string;
  ofPicture: string;
  ofSound: string;
  keep: string;
  keepWithResolution: string;
  video: string;
  animation: string;
  compress(what: string): string;
  compressTo(what: string, size: string): string;
  part(part: number, parts: number): string;
  partBytes(bytes: number): string;
  tooLarge(got: string, size: string, maxBytes: number): string;
  startWithUpload(file: string): string;
  goOn(file: string): string;
  startWith(file: string): string;
}

const EN: Phrasebook = {
  followedBy: '; then: ',
  comma: ', ',
  semicolon: '; ',
  colon: ': ',
  only: (from, to) => `keep only the part from ${from} to ${to} and remove the rest`,
  beginning: 'the beginning',
  end: 'the end',
  beforeEnd: clock => `${clock} before the end`,
  under: size => `under ${size}`,
  atMost: resolution => `at most ${resolution}`,
  fps: fps => `at most ${fps} frames per second`,
  mute: 'without sound',
  audio: kbps => `audio at ${kbps} kb/s`,
  output: codec => `output MP4 (${codec})`,
  ofPicture: 'make a video from this picture',
  ofSound: 'make a video with this sound',
  keep: 'keep its length and content as they are, add no titles, music or effects',
  keepWithResolution: 'keep its resolution, length and content as they are, add no titles, music or effects',
  video: 'this video',
  animation: 'this animated picture',
  compress: what => `compress ${what} as far as it goes without losing quality`,
  compressTo: (what, size) => `compress ${what} to under ${size} without losing quality`,
  part: (part, parts) => `this is part ${part} of ${parts} of a longer video`,
  partBytes: bytes => `, and this part may have at most ${bytes} bytes`,
  tooLarge: (got, size, maxBytes) =>
    `the exported video is ${got}, which is too large: compress it to under ${size} (at most ${maxBytes} bytes) by lowering the bitrate and, if needed, the resolution; change nothing else`,
  startWithUpload: file => `start over with an empty timeline and use only the file just uploaded, "${file}"`,
  goOn: file => `continue with the file on the timeline, "${file}"`,
  startWith: file =>
    `start over with an empty timeline and use only the file "${file}", which is already in this session`,
};

const ZH: Phrasebook = {
  followedBy: '；然后：',
  comma: '，',
  semicolon: '；',
  colon: '：',
  only: (from, to) => `只保留从${from}到${to}的部分，其余删掉`,
  beginning: '开头',
  end: '结尾',
  beforeEnd: clock => `结尾前${clock}`,
  under: size => `${size}以内`,
  atMost: resolution => `分辨率最高${resolution}`,
  fps: fps => `帧率最高${fps}`,
  mute: '去掉声音',
  audio: kbps => `音频${kbps} kb/s`,
  output: codec => `输出MP4（${codec}）`,
  ofPicture: '用这张图片制作视频',
  ofSound: '用这段声音制作视频',
  keep: '保持原有时长和内容，不要添加标题、音乐或特效',
  keepWithResolution: '保持原有分辨率、时长和内容，不要添加标题、音乐或特效',
  video: '这个视频',
  animation: '这个动图',
  compress: what => `在不损失画质的情况下尽量压缩${what}`,
  compressTo: (what, size) => `把${what}压缩到${size}以内，不损失画质`,
  part: (part, parts) => `这是较长视频的第${part}段，共${parts}段`,
  partBytes: bytes => `，这一段最多${bytes}字节`,
  tooLarge: (got, size, maxBytes) =>
    `导出的视频有${got}，太大了。请把它压缩到${size}以内（最多${maxBytes}字节）：降低码率，必要时降低分辨率，其他保持不变`,
  startWithUpload: file => `清空时间线，只使用刚上传的文件“${file}”`,
  goOn: file => `继续处理时间线上的文件“${file}”`,
  startWith: file => `清空时间线，只使用本会话中已有的文件“${file}”`,
};

const DE: Phrasebook = {
  ...EN,
  followedBy: '; danach: ',
  only: (from, to) => `behalte nur den Teil von ${from} bis ${to} und entferne den Rest`,
  beginning: 'Anfang',
  end: 'Ende',
  beforeEnd: clock => `${clock} vor dem Ende`,
  under: size => `unter ${size}`,
  atMost: resolution => `höchstens ${resolution}`,
  fps: fps => `höchstens ${fps} Bilder pro Sekunde`,
  mute: 'ohne Ton',
  audio: kbps => `Ton mit ${kbps} kb/s`,
  output: codec => `Ausgabe als MP4 (${codec})`,
  ofPicture: 'mach ein Video aus diesem Bild',
  ofSound: 'mach ein Video mit diesem Ton',
  keep: 'Länge und Inhalt so lassen, wie sie sind, keine Titel, Musik oder Effekte hinzufügen',
  keepWithResolution: 'Auflösung, Länge und Inhalt so lassen, wie sie sind, keine Titel, Musik oder Effekte hinzufügen',
  video: 'dieses Video',
  animation: 'dieses animierte Bild',
  compress: what => `komprimiere ${what} so weit wie möglich ohne Qualitätsverlust`,
  compressTo: (what, size) => `komprimiere ${what} auf unter ${size} ohne Qualitätsverlust`,
  part: (part, parts) => `das ist Teil ${part} von ${parts} eines längeren Videos`,
  partBytes: bytes => `, und dieser Teil darf höchstens ${bytes} Bytes haben`,
  tooLarge: (got, size, maxBytes) =>
    `das exportierte Video hat ${got} und ist zu groß: komprimiere es auf unter ${size} (höchstens ${maxBytes} Bytes) mit einer niedrigeren Bitrate und, wenn nötig, einer niedrigeren Auflösung; ändere sonst nichts`,
  startWithUpload: file =>
    `fange mit einer leeren Zeitleiste neu an und verwende nur die eben hochgeladene Datei "${file}"`,
  goOn: file => `mach mit der Datei auf der Zeitleiste weiter, "${file}"`,
  startWith: file =>
    `fange mit einer leeren Zeitleiste neu an und verwende nur die Datei "${file}", die schon in dieser Sitzung ist`,
};

const FR: Phrasebook = {
  ...EN,
  followedBy: ' ; ensuite : ',
  semicolon: ' ; ',
  colon: ' : ',
  only: (from, to) => `garde seulement la partie de ${from} à ${to} et supprime le reste`,
  beginning: 'début',
  end: 'la fin',
  beforeEnd: clock => `${clock} avant la fin`,
  under: size => `moins de ${size}`,
  atMost: resolution => `${resolution} au maximum`,
  fps: fps => `${fps} images par seconde au maximum`,
  mute: 'sans le son',
  audio: kbps => `son à ${kbps} kb/s`,
  output: codec => `sortie en MP4 (${codec})`,
  ofPicture: 'fais une vidéo à partir de cette image',
  ofSound: 'fais une vidéo avec ce son',
  keep: "garde sa durée et son contenu tels quels, n'ajoute ni titres, ni musique, ni effets",
  keepWithResolution:
    "garde sa résolution, sa durée et son contenu tels quels, n'ajoute ni titres, ni musique, ni effets",
  video: 'cette vidéo',
  animation: 'cette image animée',
  compress: what => `compresse ${what} autant que possible sans perte de qualité`,
  compressTo: (what, size) => `compresse ${what} à moins de ${size} sans perte de qualité`,
  part: (part, parts) => `c'est la partie ${part} sur ${parts} d'une vidéo plus longue`,
  partBytes: bytes => `, et cette partie peut avoir ${bytes} octets au maximum`,
  tooLarge: (got, size, maxBytes) =>
    `la vidéo exportée fait ${got}, c'est trop : compresse-la à moins de ${size} (${maxBytes} octets au maximum) en baissant le débit et, si besoin, la résolution ; ne change rien d'autre`,
  startWithUpload: file =>
    `recommence avec une timeline vide et utilise seulement le fichier qui vient d'être envoyé, "${file}"`,
  goOn: file => `continue avec le fichier sur la timeline, "${file}"`,
  startWith: file =>
    `recommence avec une timeline vide et utilise seulement le fichier "${file}", déjà présent dans cette session`,
};

const ES: Phrasebook = {
  ...EN,
  followedBy: '; después: ',
  only: (from, to) => `conserva solo la parte de ${from} a ${to} y elimina el resto`,
  beginning: 'el principio',
  end: 'el final',
  beforeEnd: clock => `${clock} antes del final`,
  under: size => `menos de ${size}`,
  atMost: resolution => `${resolution} como máximo`,
  fps: fps => `${fps} fotogramas por segundo como máximo`,
  mute: 'sin sonido',
  audio: kbps => `sonido a ${kbps} kb/s`,
  output: codec => `salida en MP4 (${codec})`,
  ofPicture: 'haz un vídeo a partir de esta imagen',
  ofSound: 'haz un vídeo con este sonido',
  keep: 'conserva su duración y su contenido tal como están, no añadas títulos, música ni efectos',
  keepWithResolution:
    'conserva su resolución, su duración y su contenido tal como están, no añadas títulos, música ni efectos',
  video: 'este vídeo',
  animation: 'esta imagen animada',
  compress: what => `comprime ${what} todo lo posible sin perder calidad`,
  compressTo: (what, size) => `comprime ${what} a menos de ${size} sin perder calidad`,
  part: (part, parts) => `esta es la parte ${part} de ${parts} de un vídeo más largo`,
  partBytes: bytes => `, y esta parte puede tener ${bytes} bytes como máximo`,
  tooLarge: (got, size, maxBytes) =>
    `el vídeo exportado ocupa ${got}, es demasiado: comprímelo a menos de ${size} (${maxBytes} bytes como máximo) bajando la tasa de bits y, si hace falta, la resolución; no cambies nada más`,
  startWithUpload: file =>
    `empieza de nuevo con una línea de tiempo vacía y usa solo el archivo recién subido, "${file}"`,
  goOn: file => `continúa con el archivo de la línea de tiempo, "${file}"`,
  startWith: file =>
    `empieza de nuevo con una línea de tiempo vacía y usa solo el archivo "${file}", que ya está en esta sesión`,
};

const BOOKS: Readonly<Record<string, Phrasebook>> = { zh: ZH, cmn: ZH, yue: ZH, de: DE, fr: FR, es: ES };

/** The phrases of a language tag (`de-CH`); English for a language that has none. */
export function phrasebookFor(language: string): Phrasebook {
  return BOOKS[language.toLowerCase().split('-', 1)[0] ?? ''] ?? EN;
}
