/**
 * Room: the page, as a browser runs it. It knows the daemon only through the HTTP API. Comes in: the API's types, the Chinese
 * words of messages, and what core formats and escapes.
 */
import { render } from 'preact';
import { App } from './app.tsx';
import './style.css';

const place = document.getElementById('page');
if (place) render(<App />, place);
