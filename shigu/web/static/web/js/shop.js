/* Everything a page needs, in one module graph; nothing here is required to place or pay an order. */
import "./badge.js";
import "./bids.js";
import "./countdown.js";
import "./forms.js";
import "./live.js";
import "./lots.js";
import "./menu.js";
