#!/bin/sh
# One article becomes four weekly emails for 200 invented people, under a fake clock: demo.sh COMMAND [PROVIDER PORT].
# Runs public commands only, and prints them. With a provider the mails go through its fake at that port.
set -eu
command=$1 provider=${2-} port=${3-}

say() {
    echo
    echo "\$ newsletter $*"
    "$command" "$@"
}

# A fake takes any key that looks like one.
lead_to_the_fake() {
    export BREVO_API_KEY=rehearsal MAILERSEND_API_TOKEN=rehearsal MAILGUN_API_KEY=rehearsal \
        MJ_APIKEY_PUBLIC=rehearsal MJ_APIKEY_PRIVATE=rehearsal MANDRILL_API_KEY=rehearsal \
        POSTMARK_SERVER_TOKEN=rehearsal RESEND_API_KEY=re_rehearsal SENDGRID_API_KEY=SG.rehearsal \
        SPARKPOST_API_KEY=rehearsal \
        AWS_ACCESS_KEY_ID=AKIAREHEARSAL AWS_SECRET_ACCESS_KEY=rehearsal AWS_REGION=eu-west-1
    export NEWSLETTER_PROVIDER__NAME="$provider"
    if [ "$provider" = smtp ]; then
        export NEWSLETTER_PROVIDER__HOST=127.0.0.1 NEWSLETTER_PROVIDER__PORT="$port" NEWSLETTER_PROVIDER__SECURITY=none
    else
        export NEWSLETTER_PROVIDER__BASE_URL="http://127.0.0.1:$port"
    fi
}

start_the_fake() {
    mkdir demo
    touch demo/fake.txt
    echo "\$ newsletter provider fake $provider --port $port"
    "$command" provider fake "$provider" --port "$port" >demo/fake.txt 2>&1 &
    fake=$!
    # What a script starts in the background hears no Ctrl-C.
    trap stop_the_fake EXIT
    trap 'exit 1' INT TERM
    until grep -q "stop with" demo/fake.txt; do
        kill -0 "$fake" 2>/dev/null || { cat demo/fake.txt; exit 1; }
        sleep 0.1
    done
    head -1 demo/fake.txt
}

stop_the_fake() {
    kill "$fake" 2>/dev/null && wait "$fake" || :
}

rm -rf demo
if [ "$provider" ]; then
    lead_to_the_fake
    start_the_fake
fi
say init demo
say -C demo check
say -C demo subscribers import ../content/subscribers/invented.csv --consent demo
say -C demo preview --out preview
say -C demo queue back-pain
say -C demo plan
say -C demo run --play 4
say -C demo queue
echo
if [ "$provider" ]; then
    stop_the_fake
    echo "the fake $provider: $(tail -1 demo/fake.txt), a preview is in demo/preview/index.html"
else
    mails=$(find demo/outbox -name '*.eml' | wc -l | tr -d ' ')
    echo "$mails mails are in demo/outbox/, a preview is in demo/preview/index.html"
fi
