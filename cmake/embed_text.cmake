# cmake -DINPUT=<file> -DOUTPUT=<file.cc> -DHEADER=<include> -DFUNCTION=<Namespace::Function> -P embed_text.cmake
# Writes a .cc that defines std::string_view FUNCTION() with the bytes of INPUT.
cmake_minimum_required(VERSION 3.25)
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" length)
set(lines "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${hex}" ${at} 4096 line)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" line "${line}")
  string(APPEND lines "    \"${line}\"\n")
  math(EXPR at "${at} + 4096")
endwhile()
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nstd::string_view ${FUNCTION}() {\n"
  "  static constexpr char kBytes[] =\n${lines};\n  return {kBytes, sizeof(kBytes) - 1};\n}\n")
