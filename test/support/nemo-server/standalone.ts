/**
 * The stand-in as a program of its own: `node standalone.js '{"render":"ffmpeg"}'`. Prints one line of JSON with its addresses
 * once it listens, and ends with SIGTERM or SIGINT, or when the process that started it goes away (its stdin closes).
 */
import { type NemoServerOptions, startNemoServer } from './server.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as NemoServerOptions;
const server = await startNemoServer(options);
const stop = () => {
  void server.stop().then(() => process.exit(0));
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.stdin.on('end', stop).resume();
process.stdout.write(`${JSON.stringify({ url: server.url, filesUrl: server.filesUrl })}\n`);
