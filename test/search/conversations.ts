/** Sessions as people and agents have them: one line a turn, the person first. Written for these tests. */
export const conversations: Readonly<Record<string, string>> = {
  "checkout-timeouts": `The checkout page hangs for half a minute when a customer pays with a saved card. Can you look into it?
I traced it: the payment gateway client has no deadline, so a slow bank keeps our request open until the load balancer gives up after 30 seconds.
What would you change?
Give the client a 4 second deadline and one retry with jitter. A second attempt is safe because we send an idempotency key.
Do we really send the key on every attempt?
Not yet. The key was made inside the retry loop, so each try had a new one and a customer could be charged twice. I moved it outside.
Good catch. How do we tell the customer?
The page now says "Your bank is taking longer than usual" after five seconds and keeps the cart.
Which tests cover this?
I added one with a fake bank that never answers and one that answers the first call after the second was sent.
Ship it. And who should be told?
Finance, because Marta's team reconciles double charges by hand every Monday.`,
  "flaky-ci": `Our pipeline is red every third run. It is always the calendar suite.
The failing cases compare dates near midnight. The runners are in Virginia, and the assertions were written for Berlin.
So it's the time zone again.
Yes. I pinned TZ=UTC for the test job and rewrote two assertions which assumed local time.
There was also something about ports?
Two suites both listened on 8123, and they collide when the scheduler puts them on the same machine. They now ask the system for a free one.
How long does the whole pipeline take now?
Eleven minutes, down from nineteen, since I cached the browser download between runs.
Can we make it faster still?
Splitting the end-to-end tests over four machines would bring it to about six, at twice the bill.
Leave it for now, the budget for runners is frozen until April.
Then I will note it in the backlog under build speed.`,
  "postgres-migration": `We need to move from MySQL to Postgres before the summer. Where do we begin?
With an inventory: 214 tables, 31 of which nobody has written to since 2021.
Drop those?
Archive them as Parquet first. Legal asked that invoices be kept for ten years.
What will be hardest?
The zero dates. Postgres refuses 0000-00-00, and the orders table has forty thousand of them.
Replace them with null?
Null where the column allows it; for shipped_at we agreed on the order's creation date, flagged in a new column called shipped_at_guessed.
And how do we switch without downtime?
Logical replication into the new cluster, a week of comparing checksums, then flip the connection string during the Tuesday window.
Who can roll back if it goes wrong?
Ines and Tobias have the runbook. Rolling back means pointing at the old primary, which stays writable for 48 hours.`,
  "garden-app": `I want a small app that reminds me to water my plants.
I made a list with a photo, a name and an interval for each plant.
The ferns need more in summer.
Then each plant gets two intervals, one from April to September and one for the rest of the year.
Where does it keep the pictures?
In the browser's own storage; nothing leaves the phone. That limits us to roughly fifty photos.
My mother wants it in Portuguese.
I moved all sentences into a dictionary. The Portuguese one has 43 entries, two of which I am unsure about: "repot" and "mist".
Repot is reenvasar, and mist is borrifar.
Thanks, both are in. The language follows the phone's setting.
The notification came at 3 in the morning!
The reminder used the server's clock. It now fires at nine in the morning of wherever you are.`,
  "login-outage": `Nobody can sign in since 09:40. What happened?
The certificate of the identity provider expired this morning, so every token was rejected.
Why did nothing warn us?
The monitor looked at the public website's certificate only. The internal one was never on the list.
Fix first, please.
A new certificate is live since 10:12. Sign-ins are back to normal, 31 minutes after the first complaint.
How many people were affected?
About 2,300 attempted to sign in; 400 of them wrote to support.
What do we do so that it never happens again?
Certificates are renewed by a job 30 days before they expire, and an alarm rings at 14 days whatever the job says.
Write the postmortem without naming anyone.
Done. It is in the wiki under incidents, with the timeline and the five follow-up actions.`,
  "search-ranking": `Users complain that searching for "invoice" shows the help article before their own invoices.
The index gives the title five times the weight of the body, and the article's title repeats the word.
Lower the title then.
I tried 2 and 1.5. With 2 the customers' own documents come first in 87 of 100 recorded queries; with 1.5 in 84.
Use 2. What about typos?
One edit is forgiven for words of five letters and two for nine. Shorter words have to match exactly, or "cat" finds "car".
How slow does that make it?
From 12 to 19 milliseconds at the median, still under the 50 we promised.
And synonyms?
A file with 60 groups, such as bill, invoice and receipt. Support can edit it without a release.
Nice. Is any of it logged?
Only the words and the position clicked, for 30 days, without the user's id.`,
  "pricing-page": `The pricing page should show yearly and monthly prices side by side.
I built a toggle; the yearly price is shown per month with the saving in green.
Nobody sees the toggle on small screens.
On phones both prices now stand under one another and the toggle is gone.
Marketing wants to test a 20 percent discount for students.
The offer is behind a flag called student_discount, on for ten percent of visitors until the 15th.
How do we check that they are students?
By the address of their university. The list of domains comes from a public dataset with 9,800 entries.
What about VAT?
Prices are net for companies with a valid VAT number and gross for everybody else, as the law asks.
Did conversions change?
Yearly plans went from 18 to 23 percent of all sign-ups in the first two weeks.`,
  "memory-leak": `The worker restarts every few hours because it runs out of memory.
A heap snapshot shows 1.2 million listeners on one emitter: each job subscribes to "progress" and never lets go.
Remove them when a job ends?
Yes, with an AbortSignal, so that a job which throws lets go as well.
Is that all of it?
There is a second one, slower: the cache of rendered templates has no limit. I gave it room for 500 entries.
How do we know it works?
Memory stays at 310 MB after 24 hours of replayed traffic; before it reached 2 GB after five.
Any cost in speed?
Rendering is three percent slower on average because rare templates are compiled again.
Acceptable. Add an alarm.
The alarm rings when the process uses more than 800 MB for ten minutes.`,
  "onboarding-docs": `New colleagues need two days to get the project running. Let's fix the guide.
The guide lists eleven manual steps; six of them can be one script.
Do it, but explain what it does.
bin/setup checks for Docker, copies the example environment, starts the database and loads a small data set of fake customers.
Windows?
It works under WSL. Without it the file watcher misses changes, so the guide now says so in its first paragraph.
Who reviewed it?
Priya followed it on an empty laptop: 35 minutes from clone to a running page.
What confused her?
The word "tenant". There is a glossary now, and the term is explained where it first appears.
Anything else people ask every time?
How to get access to the staging environment: ask in #platform, it takes a day because Jonas approves by hand.`,
  "image-upload": `Uploads of photos above ten megabytes fail.
The reverse proxy refuses bodies over 10 MB before our code sees them. The limit is client_max_body_size.
Raise it to 50?
Better to send large files straight to the bucket with a signed address which is valid for fifteen minutes.
Does the thumbnail still work?
It is made by a function that the bucket calls; the first one takes about two seconds, so the page shows a grey box meanwhile.
iPhones send HEIC.
Those are converted to JPEG with quality 82. Without it Firefox showed nothing at all.
And people upload pictures with their location inside?
All EXIF data is removed except the orientation, both in the original and in the thumbnail.
Virus scan?
ClamAV looks at each file before it becomes visible; infected ones go to quarantine for a week.`,
  "release-notes": `Draft the notes for version 4.2.
Headlines: saved filters, a dark theme, and exports as spreadsheets.
Mention the breaking change.
The old /v1/report address is gone; callers get a 410 with a link to the new one. It was announced in January.
Who asked for the dark theme?
It was the most wanted item on the public board with 412 votes; the accessibility group reviewed the contrast.
How long are exports kept?
Seven days, then the file is deleted and has to be made again.
Is anything slower?
The first load grows by 14 kilobytes because of the theme. Lists are twice as fast thanks to virtual scrolling.
Which browsers lose support?
Safari 14 and older, half a percent of our visitors.`,
  "telescope-night": `I want to photograph the Andromeda galaxy this weekend with my small telescope.
With an 80 mm refractor and a crop camera the galaxy fills about two thirds of the frame, which is ideal.
How long should each picture be?
Without guiding, 30 seconds at most before the stars become lines. Take 120 of them and stack.
Is the moon a problem?
It sets at 22:10 on Saturday, so the sky is dark from about 22:45.
Which place would you pick?
The parking lot above the reservoir: no street lamps to the east, and you can leave the car beside the mount.
What do I forget most often?
Dew. Bring the heating band and a second battery, last time the lens was wet after an hour.
How do I focus?
Use the Bahtinov mask on Mirach and then do not touch the focuser again.`,
  "rate-limits": `A partner hits our API 400 times a second and slows everyone down.
There is no limit per key today, only one per address, and they come from 60 addresses.
Add one per key.
Each key now has a bucket of 100 requests that refills with 20 a second. Larger customers can have more in their contract.
What do they get when it is empty?
A 429 with Retry-After in seconds. The body names the limit and where to ask for more.
Where is the count kept?
In Redis, with a script so that reading and taking is one step. If Redis is away we let requests through.
Won't that hurt?
For at most a minute: after that the gateway counts in memory for itself, which is less exact.
Tell the partner.
I wrote to Okafor with the numbers and a suggestion to use the bulk endpoint, which takes 500 items at once.`,
  "thesis-help": `My thesis compares sleep and reaction times of night nurses. Which test do I use?
The same people were measured twice, so a paired test. Your differences are skewed, so Wilcoxon rather than the t test.
How many people do I need?
For a medium effect and 80 percent power about 35 pairs; you have 41.
Three of them dropped out.
Then 38 remain. Report why they left, and repeat the analysis with their first measurement carried forward.
My supervisor asks for effect sizes.
Use the rank-biserial correlation; yours is 0.46, with an interval from 0.17 to 0.68.
Is coffee a confounder?
It could be: 70 percent drank some before the second measurement. Add it as a covariate in a mixed model and say that it was not planned.
Where do I put the raw data?
In the university's repository, with the names removed and the ages in bands of five years.`,
};

/** A question as somebody would ask it later, and the turns that answer it. */
export const questions: ReadonlyArray<readonly [question: string, ...evidence: string[]]> = [
  ["why did paying with a stored card take so long", "checkout-timeouts/2", "checkout-timeouts/1"],
  ["what deadline did we give the payment client", "checkout-timeouts/4"],
  ["could customers have been charged twice", "checkout-timeouts/6"],
  ["what does the page say while the bank is slow", "checkout-timeouts/8"],
  ["how is the slow bank tested", "checkout-timeouts/10"],
  ["who reconciles double charges", "checkout-timeouts/12"],
  ["why does the calendar suite fail", "flaky-ci/2", "flaky-ci/1"],
  ["what did you do about the time zone in the tests", "flaky-ci/4"],
  ["which port collided", "flaky-ci/6"],
  ["how many minutes does the pipeline need", "flaky-ci/8"],
  ["what would splitting the end to end tests cost", "flaky-ci/10"],
  ["until when is the runner budget frozen", "flaky-ci/11"],
  ["how many tables are unused in the old database", "postgres-migration/2"],
  ["why do we have to keep invoices", "postgres-migration/4"],
  ["what is the problem with zero dates", "postgres-migration/6"],
  ["what does shippedAtGuessed mean", "postgres-migration/8"],
  ["how do we switch databases without downtime", "postgres-migration/10", "postgres-migration/9"],
  ["who knows how to roll back the migration", "postgres-migration/12", "postgres-migration/11"],
  ["which plants need more water in summer", "garden-app/3", "garden-app/4"],
  ["where are the plant photos stored", "garden-app/6"],
  ["what is repot in Portuguese", "garden-app/9", "garden-app/8"],
  ["why did the reminder come in the night", "garden-app/12", "garden-app/11"],
  ["how does the app choose its language", "garden-app/10"],
  ["what caused the login outage", "login-outage/2"],
  ["why was there no warning about the certificate", "login-outage/4"],
  ["how long were people unable to sign in", "login-outage/6"],
  ["how many users were affected by the outage", "login-outage/8"],
  ["how do we prevent expired certificates", "login-outage/10"],
  ["where is the postmortem", "login-outage/12", "login-outage/11"],
  ["why is the help article shown before the invoices", "search-ranking/2", "search-ranking/1"],
  ["which title weight worked best", "search-ranking/4", "search-ranking/5"],
  ["how does search forgive typing errors", "search-ranking/6"],
  ["how many milliseconds does fuzzy matching add", "search-ranking/8"],
  ["who can edit the synonyms", "search-ranking/10"],
  ["what do we log about queries", "search-ranking/12"],
  ["how are prices shown on phones", "pricing-page/4"],
  ["what is the flag for the student offer called", "pricing-page/6"],
  ["how do we verify that someone is a student", "pricing-page/8", "pricing-page/7"],
  ["are prices with or without VAT", "pricing-page/10"],
  ["did more people choose the yearly plan", "pricing-page/12"],
  ["what leaked memory in the worker", "memory-leak/2", "memory-leak/6"],
  ["how do jobs unsubscribe when they throw", "memory-leak/4"],
  ["how large may the template cache become", "memory-leak/6"],
  ["how much memory does the worker use after the fix", "memory-leak/8"],
  ["when does the memory alarm ring", "memory-leak/12"],
  ["what does bin/setup do", "onboarding-docs/4"],
  ["does the setup work on Windows", "onboarding-docs/6"],
  ["how long did Priya need", "onboarding-docs/8"],
  ["which word confused new colleagues", "onboarding-docs/10"],
  ["how do I get access to staging", "onboarding-docs/12"],
  ["why do big photo uploads fail", "image-upload/2", "image-upload/1"],
  ["how long is the signed upload address valid", "image-upload/4"],
  ["what happens with HEIC pictures", "image-upload/8", "image-upload/7"],
  ["do we strip the location from photos", "image-upload/10", "image-upload/9"],
  ["how are uploaded files scanned for viruses", "image-upload/12"],
  ["what breaks in version 4.2", "release-notes/4"],
  ["how many votes did the dark theme have", "release-notes/6"],
  ["when are exported files deleted", "release-notes/8"],
  ["which browsers are no longer supported", "release-notes/12", "release-notes/11"],
  ["how many seconds should I expose each picture of the galaxy", "telescope-night/4"],
  ["when does the moon set", "telescope-night/6"],
  ["where is a dark place for the telescope", "telescope-night/8"],
  ["what do I need against dew", "telescope-night/10"],
  ["which star is used for focusing", "telescope-night/12"],
  ["how many requests may one key make", "rate-limits/4"],
  ["what does the API answer when the limit is reached", "rate-limits/6"],
  ["what happens to rate limiting when redis is down", "rate-limits/8", "rate-limits/10"],
  ["how many items can be sent to the bulk endpoint", "rate-limits/12"],
  ["which statistical test fits the nurses' reaction times", "thesis-help/2", "thesis-help/1"],
  ["how many pairs are needed for enough power", "thesis-help/4"],
  ["what to do about participants who dropped out", "thesis-help/6", "thesis-help/5"],
  ["which effect size did we report", "thesis-help/8"],
  ["did caffeine confound the coffee drinkers' results", "thesis-help/10", "thesis-help/9"],
  ["where should the raw data be stored", "thesis-help/12", "thesis-help/11"],
];
