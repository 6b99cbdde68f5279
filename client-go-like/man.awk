# The manual page of each public header, from what the header says:
#     awk -v dir=man3 -v version=0.1.0 -f man.awk include/tidewatch/*.h
# Its first comment becomes the sections, its declarations stand as they are, and each function has a
# page that leads to its header's.

function page_of(header)
{
    return header == "tidewatch" ? header : "tw_" header
}

function finish()
{
    if (page == "")
        return
    print (has_code ? ".fi\n" : "") ".SH SEE ALSO" > page
    if (name == "tidewatch")
        print ".BR tw_client (3),\n.BR tw_informer (3),\n.BR tw_controller (3),\n.BR tidectl (1)" > page
    else
        print ".BR tidewatch (3)" > page
    close(page)
}

function escaped(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    return text ~ /^[.']/ ? "\\\&" text : text
}

function literal(begin)
{
    if (begin != is_literal)
        print (begin ? ".PP\n.nf" : ".fi\n.PP") > page
    is_literal = begin
}

function heading()
{
    print ".SH NAME\n" page_of(name) " \\- " escaped(title) > page
    print ".SH SYNOPSIS\n.nf\n#include <tidewatch/" name ".h>\n" > page
    print "cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs tidewatch)\n.fi\n.SH DESCRIPTION" > page
}

function section(line, label)
{
    label = substr(line, 1, RLENGTH)
    line = substr(line, RLENGTH + 1)
    sub(/ +$/, "", label)
    literal(0)
    if (label == "Shape") # it is the description
        print ".PP" > page
    else
        print ".SH " (label == "Owner" ? "OWNERSHIP" : toupper(label)) > page
    print escaped(line) > page
}

FNR == 1 {
    finish()
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.h$/, "", name)
    page = dir "/" page_of(name) ".3"
    pages[page_of(name)] = 1
    title = ""
    part = "title"
    is_literal = has_labels = has_code = 0
    printf ".TH %s 3 \"\" \"Tidewatch %s\" \"libtidewatch\"\n.nh\n.ad l\n", toupper(page_of(name)), version > page
    next
}

part == "title" && $0 != " *" {
    title = title (title == "" ? "" : " ") substr($0, 4)
    sub(/^[a-z]+ - /, "", title)
    next
}

part == "title" {
    heading()
    part = "comment"
    next
}

part == "comment" && $0 == " */" {
    literal(0)
    part = "code"
    next
}

part == "comment" {
    line = substr($0, 4)
    if (match(line, /^[A-Z][a-z]+( [a-z]+)*  +/)) {
        has_labels = 1
        section(line)
    } else if (line != "") {
        literal(!has_labels && line ~ /^  /)
        if (!is_literal)
            sub(/^ +/, "", line)
        print escaped(line) > page
    }
    next
}

/^#if(def __cplusplus| )/ { hidden = 1 }

!hidden && !/^#(ifndef TIDEWATCH_|define TIDEWATCH_|endif|include)/ && (NF || had_text) {
    line = $0
    if (!has_code)
        print ".SH DECLARATIONS\n.nf" > page
    has_code = 1
    if (line ~ /^TW_API/ && match(line, /tw_[a-z0-9_]+\(/))
        links[substr(line, RSTART, RLENGTH - 1)] = page_of(name)
    if (line !~ /^ /)
        was_shown = sub(/^TW_API /, "", line)
    else if (was_shown)
        line = substr(line, length("TW_API ") + 1) # what hung below the parenthesis still does
    print escaped(line) > page
    had_text = NF
}

/^#endif/ { hidden = 0 }

END {
    finish()
    for (link in links) {
        if (link in pages)
            continue
        print ".so man3/" links[link] ".3" > (dir "/" link ".3")
        close(dir "/" link ".3")
    }
}
