// The campaign `spring-webinar` as a TypeScript developer would write it down: in the code.

export const CAMPAIGN = "spring-webinar";
export const VERSION = 1;
export const FORM = "spring-webinar.signup";
export const PURPOSE = "webinars";
export const CHANNELS = ["email", "sms"] as const;
export const CONSENT_TEXT =
  "Send me the guide, a reminder and a few follow-ups about this session, by e-mail and, if I gave a number, by text. I can stop at any time.";
export const LOCALE = "en";
export const THANKS_PATH = "/webinar/thanks";
export const JOURNEY = "nurture";
export const ROLES = ["engineer", "architect", "lead", "student", "other"];
export const DATABASES = ["postgres", "mysql", "sqlite", "mongodb", "other"];
export const DAY_MS = 86_400_000;
