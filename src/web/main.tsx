/**
 * Room: the page, as a browser runs it. It knows the daemon only through the HTTP API. May import the API's types, the Chinese
 * messages, and core's formatting and escaping.
 */
import { render } from 'preact';
import { App } from './app.tsx';
import './style.css';

const place = document.getElementById('page');
if (place) render(<App />, place);
