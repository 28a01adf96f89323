import { defineConfig } from 'vite';

/** The page as static files beside the compiled server. Relative addresses: it may lie below a path of a proxy. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  logLevel: 'warn',
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    modulePreload: false,
    // Everything is a file: the content security policy allows nothing inline.
    assetsInlineLimit: 0,
    target: 'es2022',
    // A slow machine is no news.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
});
