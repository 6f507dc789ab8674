// Says numbers, durations and states for people; what is not known is "unknown".

export const UNKNOWN = "unknown";
export const MAX_POSITIONS = 6;

export function count(value) {
  return value === null || value === undefined ? UNKNOWN : value.toLocaleString("en");
}

export function percent(share) {
  return share === null || share === undefined ? UNKNOWN : `${Math.round(share * 100)}%`;
}

export function lasting(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${pad(hours)} h`;
  return hours ? `${hours} h ${pad(minutes)} min` : `${minutes} min ${pad(seconds % 60)} s`;
}

// As domain/money.py writes it: to the micro-dollar where it is small, "≥" where some requests have no known price.
export function money(microdollars, unpriced) {
  if (microdollars === null || microdollars === undefined) return UNKNOWN;
  const amount = microdollars / 1e6;
  const digits = amount >= 1 || amount === 0 ? 2 : 6;
  const sum = amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: digits });
  return `${unpriced ? "≥ " : ""}$${sum}`;
}

export function clock(moment) {
  return moment && moment !== UNKNOWN ? moment.slice(11, 19) : UNKNOWN;
}

export function day(moment) {
  return moment && moment !== UNKNOWN ? `${moment.slice(0, 10)} ${moment.slice(11, 16)}` : UNKNOWN;
}

export function plain(value) {
  return value === null || value === undefined || value === "" ? UNKNOWN : String(value);
}

function pad(number) {
  return String(number).padStart(2, "0");
}
