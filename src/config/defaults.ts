import type { Config } from './load.ts';
import { DEFAULT_OUTPUT } from './output-template.ts';
import type { ResolvePath } from './resolve-path.ts';

/**
 * What the schema makes of an empty configuration; a test keeps the two equal. Written out because the schema's
 * library takes longer to load than `shrinkbox compress` spends on a short clip.
 */
export function defaultConfig(resolve: ResolvePath): Config {
  return {
    stateDir: resolve('./state'),
    engine: 'local',
    folders: [
      {
        ...{ inbox: resolve('./inbox'), outbox: resolve('./outbox'), rules: ['default'] },
        ...{ originals: 'keep', scan: 'auto', reports: 'on-failure' },
      },
    ],
    libraries: [],
    rules: [
      {
        ...{ name: 'default', match: ['**'], output: DEFAULT_OUTPUT, fallback: 'none', minSaving: 0.05, skip: false },
        ...{ audio: { kind: 'keep' }, quality: 'auto', floor: 'good', belowFloor: 'keep-quality' },
        size: { kind: 'bytes', bytes: 50_000_000 },
        resolution: { kind: 'lines', lines: 1080 },
      },
    ],
    limits: { local: 1, nemo: 4, uploads: 2, minFree: { bytes: 64_000_000, share: 0.01 } },
    nemo: {
      apiUrl: 'https://mega-api-prod.nemovideo.ai',
      webUrl: 'https://nemovideo.com',
      language: 'en',
      pollInterval: 30_000,
      pollLimit: 30 * 60_000,
      messageTimeout: 15 * 60_000,
      heartbeatTimeout: 10 * 60_000,
      recovery: { first: 30_000, every: 60_000, checks: 5 },
      retryAfter: 30_000,
      maxUpload: 500_000_000,
      oversize: 'local',
      session: 'per-file',
    },
    local: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', effort: 'balanced', hardware: 'off' },
    http: { listen: { host: '127.0.0.1', port: 8788 } },
    notify: [],
    after: [],
    log: { level: 'info', format: 'auto' },
    source: null,
  };
}
