/** Landscapes that ffmpeg paints by itself, and films of them: for pictures of the page that are nobody's but ours. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

type Colour = readonly [red: number, green: number, blue: number];

/** A ridge of hills, near or far: where its crest runs (shares of the height), and its colour at the crest and further down. */
interface Ridge {
  at: number;
  rough: number;
  /** Waves across the picture. */
  waves: number;
  crest: Colour;
  foot: Colour;
}

interface Scene {
  sky: readonly [top: Colour, horizon: Colour];
  /** The sun or the moon: shares of the width and the height. */
  light?: { x: number; y: number; radius: number; colour: Colour; glow: number };
  /** The nearest first. */
  ridges?: readonly Ridge[];
  /** Where water begins, a share of the height; it mirrors the light. */
  water?: { at: number; near: Colour; far: Colour };
  stars?: boolean;
  balloons?: readonly { x: number; y: number; radius: number; colour: Colour }[];
}

export const SCENES = {
  sunset: {
    sky: [
      [58, 62, 120],
      [255, 176, 110],
    ],
    light: { x: 0.42, y: 0.5, radius: 0.075, colour: [255, 240, 196], glow: 0.5 },
    water: { at: 0.6, far: [236, 150, 110], near: [38, 52, 92] },
    ridges: [{ at: 0.585, rough: 0.035, waves: 2.2, crest: [92, 70, 112], foot: [110, 80, 112] }],
  },
  alps: {
    sky: [
      [86, 150, 214],
      [224, 238, 246],
    ],
    light: { x: 0.68, y: 0.2, radius: 0.05, colour: [255, 252, 236], glow: 0.35 },
    ridges: [
      { at: 0.86, rough: 0.05, waves: 3.1, crest: [38, 84, 58], foot: [20, 52, 36] },
      { at: 0.7, rough: 0.09, waves: 2.3, crest: [66, 108, 104], foot: [60, 112, 90] },
      { at: 0.52, rough: 0.16, waves: 2.9, crest: [122, 150, 176], foot: [104, 140, 150] },
      { at: 0.4, rough: 0.2, waves: 3.7, crest: [236, 242, 250], foot: [150, 176, 206] },
    ],
  },
  meadow: {
    sky: [
      [110, 178, 232],
      [240, 246, 238],
    ],
    ridges: [
      { at: 0.78, rough: 0.05, waves: 1.3, crest: [134, 178, 72], foot: [72, 126, 44] },
      { at: 0.64, rough: 0.06, waves: 1.9, crest: [158, 192, 104], foot: [112, 160, 72] },
      { at: 0.52, rough: 0.06, waves: 2.6, crest: [140, 180, 160], foot: [140, 184, 130] },
    ],
    balloons: [
      { x: 0.3, y: 0.3, radius: 0.11, colour: [226, 78, 60] },
      { x: 0.56, y: 0.2, radius: 0.065, colour: [246, 188, 66] },
      { x: 0.74, y: 0.36, radius: 0.045, colour: [78, 120, 190] },
    ],
  },
  night: {
    sky: [
      [10, 14, 40],
      [52, 60, 108],
    ],
    stars: true,
    light: { x: 0.64, y: 0.26, radius: 0.07, colour: [244, 240, 220], glow: 0.22 },
    ridges: [
      { at: 0.84, rough: 0.07, waves: 2.4, crest: [10, 14, 28], foot: [6, 8, 18] },
      { at: 0.68, rough: 0.12, waves: 3, crest: [26, 34, 66], foot: [20, 26, 50] },
    ],
  },
  dunes: {
    sky: [
      [120, 186, 220],
      [252, 226, 188],
    ],
    light: { x: 0.28, y: 0.24, radius: 0.055, colour: [255, 250, 226], glow: 0.4 },
    ridges: [
      { at: 0.8, rough: 0.08, waves: 0.9, crest: [236, 172, 98], foot: [196, 120, 62] },
      { at: 0.66, rough: 0.08, waves: 1.4, crest: [224, 158, 96], foot: [206, 132, 76] },
      { at: 0.55, rough: 0.05, waves: 2.1, crest: [214, 162, 122], foot: [216, 150, 100] },
    ],
  },
  lake: {
    sky: [
      [236, 150, 160],
      [255, 224, 190],
    ],
    light: { x: 0.6, y: 0.36, radius: 0.06, colour: [255, 246, 220], glow: 0.45 },
    water: { at: 0.64, far: [240, 190, 176], near: [66, 92, 130] },
    ridges: [
      { at: 0.6, rough: 0.05, waves: 2.6, crest: [84, 88, 120], foot: [110, 104, 130] },
      { at: 0.5, rough: 0.13, waves: 2.2, crest: [150, 132, 164], foot: [180, 148, 164] },
    ],
  },
} as const satisfies Record<string, Scene>;

interface FilmOptions {
  of: keyof typeof SCENES;
  seconds: number;
  /** Height; the width is 16:9. */
  height?: number;
}

/** A slow pan over the painting, with the grain of a phone's camera: as hard to compress as its films. */
export async function film(path: string, { of, seconds, height = 1080 }: FilmOptions): Promise<void> {
  const width = Math.round((height * 8) / 9) * 2;
  const wide = Math.round((width * 1.15) / 2) * 2;
  const pan = `crop=${width}:${height}:x='(iw-ow)*t/${seconds}':y=0`;
  // Painting takes a second for each 60,000 pixels.
  const painting = `color=c=black:s=${wide / 2}x${height / 2}:r=30:d=0.04,format=gbrp,${painted(SCENES[of])},scale=${wide}:${height}`;
  const filter = `${painting},loop=loop=-1:size=1,setpts=N/30/TB,${pan},noise=alls=9:allf=t,format=yuv420p[v]`;
  const sound = ['-f', 'lavfi', '-i', 'anoisesrc=color=brown:amplitude=0.2'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '17', '-c:a', 'aac', '-b:a', '128k'];
  const args = [...sound, '-filter_complex', filter, '-map', '[v]', '-map', '0:a', '-t', String(seconds), ...coding];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...args, path]);
}

/** One picture of it, as a JPEG. */
export async function still(path: string, of: keyof typeof SCENES): Promise<void> {
  const source = `color=c=black:s=640x360:r=1:d=1,format=gbrp,${painted(SCENES[of])}`;
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', source, '-frames:v', '1', path]);
}

function painted(scene: Scene): string {
  const [r, g, b] = [0, 1, 2].map(channel => `'clip(${pixel(scene, channel)},0,255)'`);
  return `geq=r=${r}:g=${g}:b=${b}`;
}

/** The value of one channel at (X, Y), from the front to the back. */
function pixel({ sky, light, ridges = [], water, stars, balloons = [] }: Scene, channel: number): string {
  const between = (from: Colour, to: Colour, share: string) =>
    `(${from[channel]}+(${(to[channel] ?? 0) - (from[channel] ?? 0)})*clip(${share},0,1))`;
  const away = (x: number, y: number) => `hypot(X-${x}*W,Y-${y}*H)`;
  let behind = between(sky[0], sky[1], water ? `Y/(${water.at}*H)` : 'Y/(0.7*H)');
  if (stars) {
    const spark = 'pow(mod(abs(sin(floor(X/3)*12.9898+floor(Y/3)*78.233))*43758.5453,1),300)';
    behind = `(${behind}+230*${spark}*(1-Y/H))`;
  }
  if (light) {
    const { x, y, radius, colour, glow } = light;
    const shine = `${glow}*exp(-${away(x, y)}/(${radius * 3}*H))`;
    behind = `(${behind}+(${colour[channel]}-${behind})*max(${shine},clip(${radius}*H-${away(x, y)}+1,0,1)))`;
  }
  for (const { x, y, radius, colour } of balloons) {
    // Gores, as the eye sees them on a ball, and a basket.
    const shade = `(0.86+0.14*cos(asin(clip((X-${x}*W)/(${radius}*H),-1,1))*9))`;
    const basket = `(between(X,${x}*W-${radius * 0.14}*H,${x}*W+${radius * 0.14}*H)*between(Y,${y + radius * 1.35}*H,${y + radius * 1.6}*H))`;
    behind = `if(lt(hypot(X-${x}*W,(Y-${y}*H)*if(gt(Y,${y}*H),0.82,1)),${radius}*H),${colour[channel]}*${shade},if(${basket},${[92, 66, 48][channel]},${behind}))`;
  }
  for (const { at, rough, waves, crest, foot } of [...ridges].reverse()) {
    const line = crestLine(at, rough, waves);
    behind = `if(gt(Y,${line}),${between(crest, foot, `(Y-${line})/(0.22*H)`)},${behind})`;
  }
  if (water) {
    const { at, near, far } = water;
    const depth = `((Y-${at}*H)/(${1 - at}*H))`;
    const ripple = `(14*sin(Y*0.9+6*sin(X/61)+X/37)*${depth}+5*sin(Y*2.3+X/23))`;
    const mirror = light
      ? `${light.colour[channel]}*0.75*exp(-pow((X-${light.x}*W)/((${light.radius}+0.12*${depth})*H),2))*(0.55+0.45*sin(Y*0.55+4*sin(X/47)))`
      : '0';
    behind = `if(gt(Y,${at}*H),${between(far, near, depth)}+${ripple}+${mirror}*(1-0.6*${depth}),${behind})`;
  }
  return behind;
}

function crestLine(at: number, rough: number, waves: number): string {
  const u = `X/W*${waves}*6.2832`;
  const height = `(0.5*sin(${u}+${at * 40})+0.28*sin(2.3*${u}+${at * 90})+0.14*abs(sin(5.1*${u}+${at * 17}))+0.05*sin(13*${u})+0.03*sin(29*${u}))`;
  return `((${at}-${rough}*${height})*H)`;
}
